package memcached_test

import "github.com/msmd/msmd/internal/memcached"

// scenario is one script for both memcacheds; see runScript.
type scenario struct {
	name   string
	own    bool             // needs a node of its own, with args or cfg
	args   []string         // flags of the real one
	cfg    memcached.Config // the same for the one in process
	script string
}

// scenarios is the conformance table. All answers were seen from memcached
// 1.6.18.
var scenarios = []scenario{
	{name: "set and get", script: `
> get a
< END
> set a 5 0 3
> abc
< STORED
> get a
< VALUE a 5 3
< abc
< END
> set e 4294967295 0 0
>
< STORED
> get a nope e a
< VALUE a 5 3
< abc
< VALUE e 4294967295 0
<
< VALUE a 5 3
< abc
< END
`},
	{name: "more keys than memcached has tokens", script: `
> set a 0 0 1
> 1
< STORED
> get{ x*40} a
< VALUE a 0 1
< 1
< END
> get{ x*9000} a
< VALUE a 0 1
< 1
< END
`},
	{name: "add and replace", script: `
> replace a 0 0 1
> 1
< NOT_STORED
> add a 0 0 1
> 2
< STORED
> add a 0 0 1
> 3
< NOT_STORED
> replace a 7 0 1
> 4
< STORED
> get a
< VALUE a 7 1
< 4
< END
`},
	{name: "append and prepend", script: `
> append a 0 0 1
> x
< NOT_STORED
> prepend a 0 0 1
> x
< NOT_STORED
> set a 9 0 1
> b
< STORED
> gets a
< VALUE a 9 1 {old}
< b
< END
> append a 1 0 1
> c
< STORED
> prepend a 1 0 1
> a
< STORED
> get a
< VALUE a 9 3
< abc
< END
> cas a 0 0 1 {old}
> x
< EXISTS
`},
	{name: "cas", script: `
> cas a 0 0 1 1
> x
< NOT_FOUND
> set a 0 0 1
> 1
< STORED
> gets a
< VALUE a 0 1 {one}
< 1
< END
> cas a 0 0 1 0
> x
< EXISTS
> cas a 3 0 1 {one}
> 2
< STORED
> cas a 0 0 1 {one}
> x
< EXISTS
> gats 0 a
< VALUE a 3 1 {two}
< 2
< END
> touch a 100
< TOUCHED
> gat 100 a
< VALUE a 3 1
< 2
< END
> add a 0 0 1
> x
< NOT_STORED
> gets a
< VALUE a 3 1 {two}
< 2
< END
> cas a 0 0 1 {two} noreply
> 3
> gets a
< VALUE a 0 1 {three}
< 3
< END
> delete a
< DELETED
> cas a 0 0 1 {three}
> x
< NOT_FOUND
`},
	{name: "cas after restart", own: true, script: `
> set a 0 0 1
> 1
< STORED
> gets a
< VALUE a 0 1 {id}
< 1
< END
!restart
> gets a
< END
> cas a 0 0 1 {id}
> 2
< NOT_FOUND
> flush_all
< OK
> set a 0 0 1
> 3
< STORED
> gets a
< VALUE a 0 1 {id}
< 3
< END
> cas a 0 0 1 {id}
> 4
< STORED
`},
	{name: "delete", script: `
> delete a
< NOT_FOUND
> set a 0 0 1
> 1
< STORED
> delete a 5
< CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]
> delete a 0 0
< CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]
> delete a 0
< DELETED
> delete
< ERROR
> delete a 0 0 0
< ERROR
> delete a 0 noreply
> delete a noreply
> delete {k*251}
< CLIENT_ERROR bad command line format
`},
	{name: "incr and decr", script: `
> incr n 1
< NOT_FOUND
> set n 5 0 2
> 10
< STORED
> gets n
< VALUE n 5 2 {id}
< 10
< END
> decr n 1
< 9
> get n
< VALUE n 5 2
< 9{ *1}
< END
> cas n 0 0 1 {id}
> x
< EXISTS
> incr n 991
< 1000
> get n
< VALUE n 5 4
< 1000
< END
> decr n 5000
< 0
> incr n 18446744073709551615
< 18446744073709551615
> incr n 2
< 1
> incr n 18446744073709551616
< CLIENT_ERROR invalid numeric delta argument
> incr n -1
< CLIENT_ERROR invalid numeric delta argument
> incr n x
< CLIENT_ERROR invalid numeric delta argument
> incr n
< ERROR
> incr n 1 noreply
> set n 0 0 1
> x
< STORED
> decr n 1
< CLIENT_ERROR cannot increment or decrement non-numeric value
> set n 0 0 0
>
< STORED
> incr n 1
< CLIENT_ERROR cannot increment or decrement non-numeric value
> incr {k*251} 1
< CLIENT_ERROR bad command line format
`},
}
