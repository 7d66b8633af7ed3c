package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// The workload of the requirement.
const (
	numSessions   = 200
	numAttributes = 20
	sessionBytes  = 2048 // of a session's attributes as JSON, about
	bodyBytes     = 1024 // of each response
	changePercent = 20   // of the requests change one attribute; the others read
)

// counter is the attribute that requests read and change.
const counter = "counter"

// How the first byte of a body tells whether the request had a session: a
// server that loses sessions would else look fast.
const (
	withSession    = 's'
	withoutSession = 'n'
)

// Paths of the servers. Under the ones that end in .css, msmd has no sessions.
const (
	preparePath = "/prepare"
	readPath    = "/read"
	changePath  = "/change"
	ignoreRead  = "/read.css"
	ignoreWrite = "/change.css"
)

const ignorePattern = `.*\.(ico|png|gif|jpg|css|js)$`

// attributes returns the JSON object of session n's attributes: a counter,
// other numbers, and strings. The same n gives the same object.
func attributes(n int) []byte {
	const numbers = 5
	const stringBytes = (sessionBytes-20*numAttributes)/(numAttributes-numbers) + 4
	rng := rand.New(rand.NewPCG(uint64(n), 2))
	b := append(make([]byte, 0, sessionBytes+128), `{"`+counter+`":0`...)
	for i := 1; i < numAttributes; i++ {
		b = fmt.Appendf(b, `,"attribute%02d":`, i)
		if i < numbers {
			b = strconv.AppendInt(b, rng.Int64N(1<<31), 10)
			continue
		}
		b = append(b, '"')
		for range stringBytes {
			b = append(b, byte('a'+rng.IntN(26)))
		}
		b = append(b, '"')
	}
	return append(b, '}')
}

// body returns the body of a response.
func body(session bool) []byte {
	b := make([]byte, bodyBytes)
	for i := range b {
		b[i] = byte('a' + i%26)
	}
	b[0] = withoutSession
	if session {
		b[0] = withSession
	}
	return b
}

// plan is what the load generator is to do. It travels as JSON.
type plan struct {
	Addr       string
	Conns      int
	Warmup     float64 // seconds
	Duration   float64 // seconds
	ReadPath   string
	ChangePath string
	Cookies    []string // one for each session, name=value
	Seed       uint64
}

// outcome is what the load generator saw in the measured time.
type outcome struct {
	Seconds    float64
	Requests   uint64 // answered with 200
	Errors     uint64 // answered otherwise, or not
	FirstError string `json:",omitempty"`
	Changes    uint64 // of the requests
	NoSession  uint64 // 200, but the server had no session
	SetCookies uint64 // responses that gave a session another cookie
	Reconnects uint64
	P50        float64 // milliseconds, as the other two
	P99        float64
	P999       float64
}
