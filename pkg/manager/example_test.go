package manager_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-chi/chi/v5"

	"github.com/msmd/msmd/internal/memcached"
	"github.com/msmd/msmd/pkg/manager"
	"github.com/msmd/msmd/pkg/nodes"
)

// A chi program whose visitors have a counter. Here its memcached runs in the
// same process; in earnest the list names real ones.
func Example() {
	n1, n2 := memcached.New(memcached.Config{}), memcached.New(memcached.Config{})
	defer n1.Stop()
	defer n2.Stop()
	if n1.Start("127.0.0.1:0") != nil || n2.Start("127.0.0.1:0") != nil {
		return
	}
	list, err := nodes.ParseList("n1:"+n1.Addr()+",n2:"+n2.Addr(), "")
	if err != nil {
		panic(err)
	}
	pool, err := nodes.Open(nodes.Config{Nodes: list})
	if err != nil {
		panic(err)
	}
	defer pool.Close()
	sessions, err := manager.New(manager.Config{Nodes: pool})
	if err != nil {
		panic(err)
	}

	r := chi.NewRouter()
	r.Use(sessions.Handler)
	r.Post("/count", func(w http.ResponseWriter, r *http.Request) {
		s := manager.FromContext(r.Context())
		n, err := manager.Get[int](s, "n")
		if err == nil {
			err = s.Set("n", n+1)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprint(w, n+1)
	})

	var cookie string
	for range 3 { // a visitor
		req := httptest.NewRequest("POST", "/count", nil)
		req.Header.Set("Cookie", cookie)
		res := httptest.NewRecorder()
		r.ServeHTTP(res, req)
		for _, c := range res.Result().Cookies() {
			cookie = c.Name + "=" + c.Value
		}
		fmt.Println(res.Body)
	}
	// Output:
	// 1
	// 2
	// 3
}
