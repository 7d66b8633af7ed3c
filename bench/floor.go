package main

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/bradfitz/gomemcache/memcache"
)

const (
	floorCookie = "floor="
	floorConns  = 64 // as nodes.DefaultMaxConns
)

// floor is what nobody who uses gomemcache can be cheaper than: it moves the
// sessions' bytes with the operations of the middleware, and does nothing with
// them. It neither checks nor repairs, so it keeps no promise of msmd's.
type floor struct {
	answers
	nodes []*memcache.Client
}

func newFloor(addrs []string) (*floor, error) {
	f := &floor{answers: newAnswers()}
	for _, addr := range addrs {
		servers := new(memcache.ServerList)
		if err := servers.SetServers(addr); err != nil {
			return nil, err
		}
		c := memcache.NewFromSelector(servers)
		c.MaxIdleConns = floorConns
		f.nodes = append(f.nodes, c)
	}
	return f, nil
}

func (f *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == preparePath {
		f.prepare(w, r)
		return
	}
	key, ok := strings.CutPrefix(r.Header.Get("Cookie"), floorCookie)
	if !ok {
		f.write(w, false)
		return
	}
	items, err := f.get(key)
	if err == nil && isChange(r) {
		err = f.store(items)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	f.write(w, true)
}

// get reads all copies in parallel.
func (f *floor) get(key string) ([]*memcache.Item, error) {
	items, errs := make([]*memcache.Item, len(f.nodes)), make([]error, len(f.nodes))
	var wg sync.WaitGroup
	for i := 1; i < len(f.nodes); i++ {
		wg.Go(func() { items[i], errs[i] = f.nodes[i].Get(key) })
	}
	items[0], errs[0] = f.nodes[0].Get(key)
	wg.Wait()
	return items, errors.Join(errs...)
}

// store writes the copies back, the first one last. That somebody else was
// faster is no error.
func (f *floor) store(items []*memcache.Item) error {
	for i := len(items) - 1; i >= 0; i-- {
		err := f.nodes[i].CompareAndSwap(items[i])
		if err != nil && !errors.Is(err, memcache.ErrCASConflict) {
			return err
		}
	}
	return nil
}

func (f *floor) prepare(w http.ResponseWriter, r *http.Request) {
	value, err := io.ReadAll(r.Body)
	key := "floor:" + rand.Text()
	for _, n := range f.nodes {
		if err == nil {
			err = n.Add(&memcache.Item{Key: key, Value: value, Expiration: 3600})
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Set-Cookie", floorCookie+key)
	f.write(w, true)
}
