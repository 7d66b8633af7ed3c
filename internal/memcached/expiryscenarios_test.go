package memcached_test

// expiryScenarios are the part of the conformance table about time.
var expiryScenarios = []scenario{
	{name: "touch", script: `
> touch a 10
< NOT_FOUND
> set a 0 0 1
> 1
< STORED
> touch a x
< CLIENT_ERROR invalid exptime argument
> touch a
< ERROR
> touch {k*251} 10
< CLIENT_ERROR bad command line format
> touch a 10 noreply
> gat x a
< CLIENT_ERROR invalid exptime argument
> gat 10
< END
> gat
< ERROR
> gat 10 nope a
< VALUE a 0 1
< 1
< END
> gat -1 a
< VALUE a 0 1
< 1
< END
> get a
< END
> set a 0 0 1
> 1
< STORED
> touch a -1
< TOUCHED
> touch a 0
< NOT_FOUND
`},
	{name: "expiry", script: `
> set minus 0 -1 1
> x
< STORED
> get minus
< END
> set past 0 2592001 1
> x
< STORED
> get past
< END
> set soon 0 1 1
> x
< STORED
> set at 0 {now+2} 1
> x
< STORED
> set month 0 2592000 1
> x
< STORED
> set late 0 {now+100} 1
> x
< STORED
> set touched 0 0 1
> x
< STORED
> touch touched 1
< TOUCHED
> set kept 0 1 1
> x
< STORED
> touch kept 0
< TOUCHED
~ get soon
< END
~ get at
< END
~ get touched
< END
> add soon 0 0 1
> y
< STORED
> get month late kept
< VALUE month 0 1
< x
< VALUE late 0 1
< x
< VALUE kept 0 1
< x
< END
`},
	{name: "flush_all", script: `
> set a 0 0 1
> x
< STORED
> gets a
< VALUE a 0 1 {id}
< x
< END
> flush_all 2
< OK
> get a
< VALUE a 0 1
< x
< END
~ get a
< END
> cas a 0 0 1 {id}
> x
< NOT_FOUND
> flush_all x
< CLIENT_ERROR invalid exptime argument
> flush_all 0
< OK
> flush_all -1
< OK
> flush_all noreply
> flush_all 0 noreply
> flush_all 1 2 3
< ERROR
`},
}
