package memcached_test

import "github.com/msmd/msmd/internal/memcached"

// errorScenarios are the part of the conformance table about errors,
// limits and the connection.
var errorScenarios = []scenario{
	{name: "unknown commands", script: `
>
< ERROR
> x
< ERROR
> nonsense a b
< ERROR
> get
< ERROR
> gets
< ERROR
> GET a
< ERROR
> set a 0 0
< ERROR
> set a 0 0 1 2 3
< ERROR
> add a
< ERROR
> cas a 0 0 1
< ERROR
> cas a 0 0 1 2 3 4
< ERROR
> verbosity
< ERROR
> verbosity 1 2 3
< ERROR
> verbosity x
< CLIENT_ERROR bad command line format
> verbosity 1
< OK
> verbosity 0 2
< OK
>   get    a{ *5}
< END
>> "get a\n"
< END
`},
	{name: "bad numbers", script: `
> set a x 0 1
< CLIENT_ERROR bad command line format
> set a 0 x 1
< CLIENT_ERROR bad command line format
> set a 0 0 x
< CLIENT_ERROR bad command line format
> set a 0 0 -1
< CLIENT_ERROR bad command line format
> set a 0 0 2147483646
< CLIENT_ERROR bad command line format
> set a 0 0 99999999999999999999
< CLIENT_ERROR bad command line format
> set a -1 0 1
< CLIENT_ERROR bad command line format
> set a 1x 0 1
< CLIENT_ERROR bad command line format
> cas a 0 0 1 x
< CLIENT_ERROR bad command line format
> set a +1 +0 +1
> x
< STORED
> set b 4294967297 4294967296 4294967297
> x
< STORED
> get a b
< VALUE a 1 1
< x
< VALUE b 1 1
< x
< END
`},
	{name: "keys", script: `
> set {k*250} 0 0 1
> x
< STORED
> get {k*250}
< VALUE {k*250} 0 1
< x
< END
> get {k*250} {k*251}
< CLIENT_ERROR bad command line format
> gat 0 {k*251}
< CLIENT_ERROR bad command line format
> set {k*251} 0 0 1
> bad
< CLIENT_ERROR bad command line format
< ERROR
>> "set a\tb\x01 0 0 1\r\nx\r\n"
< STORED
>> "get a\tb\x01 z\x00ignored\r\n"
>> "set \xc3\xa9 0 0 1\r\n\x00\r\n"
>> "get \xc3\xa9\r\n"
< VALUE a` + "\tb\x01" + ` 0 1
< x
< END
< STORED
< VALUE é 0 1
< ` + "\x00" + `
< END
`},
	{name: "bad data chunk", script: `
> set a 0 0 1
> 1
< STORED
> set a 0 0 3
> abcdef
< CLIENT_ERROR bad data chunk
< ERROR
>> "set a 0 0 3\r\nabcXYget a\r\n"
< CLIENT_ERROR bad data chunk
< VALUE a 0 1
< 1
< END
>> "set a 0 0 4\r\n\r\n\r\n\r\n"
< STORED
> get a
< VALUE a 0 4
<
<
<
< END
`},
	{name: "object too large", script: `
> set a 0 0 1
> 1
< STORED
> gets a
< VALUE a 0 1 {id}
< 1
< END
> cas a 0 0 1100000 {id}
> {x*1100000}
< SERVER_ERROR object too large for cache
> add a 0 0 1100000
> {x*1100000}
< SERVER_ERROR object too large for cache
> replace a 0 0 1100000
> {x*1100000}
< SERVER_ERROR object too large for cache
> append a 0 0 1100000
> {x*1100000}
< SERVER_ERROR object too large for cache
> gets a
< VALUE a 0 1 {id}
< 1
< END
> set a 0 0 1100000
> {x*1100000}
< SERVER_ERROR object too large for cache
> get a
< END
> set a 0 0 1
> 1
< STORED
> set a 0 0 1100000 noreply
> {x*1100000}
> get a
< END
> set a 0 0 600000
> {x*600000}
< STORED
> append a 0 0 600000
> {x*600000}
< NOT_STORED
`},
	{name: "exact item limit", script: `
> set k 0 0 1048516
> {x*1048516}
< STORED
> set k 0 0 1048517
> {x*1048517}
< SERVER_ERROR object too large for cache
> set k 1 0 1048512
> {x*1048512}
< STORED
> set k 1 0 1048513
> {x*1048513}
< SERVER_ERROR object too large for cache
> set kkkkk 0 0 1048512
> {x*1048512}
< STORED
> set kkkkk 0 0 1048513
> {x*1048513}
< SERVER_ERROR object too large for cache
`},
	{name: "item limit 2m", own: true, args: []string{"-I", "2m"},
		cfg: memcached.Config{MaxItemSize: 2 << 20}, script: `
> set k 0 0 2097092
> {x*2097092}
< STORED
> set k 0 0 2097093
> {x*2097093}
< SERVER_ERROR object too large for cache
`},
	{name: "pipelined", script: `
> set a 0 0 1
> 1
> set b 0 0 1 noreply
> 2
> get a b
> nonsense
> delete a
> get a
> set c 0 0 2
> xyz
> get b
< STORED
< VALUE a 0 1
< 1
< VALUE b 0 1
< 2
< END
< ERROR
< DELETED
< END
< CLIENT_ERROR bad data chunk
< ERROR
< VALUE b 0 1
< 2
< END
`},
	{name: "noreply", script: `
> set a 0 0 1 noreply
> 1
> add a 0 0 1 noreply
> 2
> replace a 0 0 1 noreply
> 3
> append a 0 0 1 noreply
> 4
> prepend a 0 0 1 noreply
> 2
> cas a 0 0 1 1 noreply
> 5
> incr a 1 noreply
> touch a 100 noreply
> touch a noreply
> verbosity 1 noreply
> verbosity noreply
> get a noreply
< VALUE a 0 3
< 235
< END
> set {k*251} 0 0 1 noreply
> bad
< ERROR
> set a 0 0 2 noreply
> abc
< ERROR
`},
	{name: "quit", script: `
> get a
> quit
< END
<eof>
!reconnect
> quit now
<eof>
`},
	{name: "http", script: `
> POST / HTTP/1.1
<eof>
`},
	{name: "endless line", script: `
>> "{x*2049}"
<eof>
!reconnect
>> "{ *101}get {x*2000}"
<eof>
!reconnect
>> "get {x*3000}"
>> " a\r\n"
< CLIENT_ERROR bad command line format
`},
	{name: "stats", script: `
> stats nonsense
< ERROR
> stats reset
< RESET
`},
}
