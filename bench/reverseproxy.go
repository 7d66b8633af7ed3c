package main

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// newReverseProxy is httputil.ReverseProxy without sessions. Tuned, its
// transport and buffers are those of internal/proxy; else they are the
// library's defaults, which keep two idle connections to the app and dial for
// the others. It forwards what internal/proxy forwards, X-Forwarded-* included,
// but has one app and so no balancer.
func newReverseProxy(app string, tuned bool) http.Handler {
	target := &url.URL{Scheme: "http", Host: app}
	rp := &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
		pr.SetURL(target)
		pr.Out.Host = pr.In.Host
		pr.Out.URL.RawQuery = pr.In.URL.RawQuery
		pr.SetXForwarded()
	}}
	if tuned {
		rp.Transport = tunedTransport()
		rp.BufferPool = &bufferPool{}
	}
	return rp
}

// tunedTransport has the values of internal/proxy, which must be kept alike: a
// peer with another transport would make msmd look better or worse than it is.
func tunedTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 2 * time.Second, KeepAliveConfig: net.KeepAliveConfig{Enable: true}}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		MaxIdleConnsPerHost:    512,
		IdleConnTimeout:        55 * time.Second,
		DisableCompression:     true,
		WriteBufferSize:        16 << 10,
		ReadBufferSize:         16 << 10,
		ResponseHeaderTimeout:  time.Minute,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

const copyBuffer = 32 << 10

// bufferPool lends ReverseProxy the buffers that it copies bodies with.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte {
	if b, ok := p.pool.Get().(*[copyBuffer]byte); ok {
		return b[:]
	}
	return make([]byte, copyBuffer)
}

func (p *bufferPool) Put(b []byte) { p.pool.Put((*[copyBuffer]byte)(b)) }
