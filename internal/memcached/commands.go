package memcached

import (
	"fmt"
	"strings"
)

// badFormat is memcached's answer to a key that is too long or a number
// that is none.
const badFormat = "CLIENT_ERROR bad command line format"

// command is how execute runs a command name.
type command struct {
	min, max int // tokens, the name included; max 0: any number
	run      func(*conn, []string) error
}

// lookup returns the command called name.
func lookup(name string) (command, bool) {
	switch name {
	case "get", "gets":
		return command{2, 0, (*conn).get}, true
	case "gat", "gats":
		return command{2, 0, (*conn).gat}, true
	case "set", "add", "replace", "append", "prepend":
		return command{5, 6, (*conn).storage}, true
	case "cas":
		return command{6, 7, (*conn).storage}, true
	case "touch":
		return command{3, 4, (*conn).touch}, true
	case "delete":
		return command{2, 4, (*conn).delete}, true
	case "incr", "decr":
		return command{3, 4, (*conn).arithmetic}, true
	case "flush_all":
		return command{1, 3, (*conn).flushAll}, true
	case "verbosity":
		return command{2, 3, (*conn).verbosity}, true
	case "stats":
		return command{1, 0, (*conn).stats}, true
	case "version":
		return command{1, 0, func(c *conn, _ []string) error { return c.reply("VERSION " + Version) }}, true
	case "quit":
		return command{1, 0, func(*conn, []string) error { return errQuit }}, true
	}
	return command{}, false
}

// execute runs one command line and answers it. An error ends the
// connection.
func (c *conn) execute(args []string) error {
	c.noreply = false
	if len(args) == 0 {
		return c.unknown()
	}
	cmd, ok := lookup(args[0])
	if !ok && strings.HasPrefix(args[len(args)-1], "HTTP/") {
		return errQuit // as memcached: somebody took it for a web server
	}
	if !ok || len(args) < cmd.min || cmd.max > 0 && len(args) > cmd.max {
		return c.unknown()
	}
	// Counting is also the gate of Pause for commands without data.
	if err := c.do(func(st *store) { st.count.Commands[args[0]]++ }); err != nil {
		return err
	}
	return cmd.run(c, args)
}

// unknown answers what the server does not understand.
func (c *conn) unknown() error {
	if err := c.do(func(st *store) { st.count.Unknown++ }); err != nil {
		return err
	}
	return c.reply("ERROR")
}

// update is reply for commands that accept noreply as their last argument:
// it runs f on the store and answers with its result.
func (c *conn) update(f func(st *store) string) error {
	answer := ""
	if err := c.do(func(st *store) { answer = f(st) }); err != nil {
		return err
	}
	return c.reply(answer)
}

// setNoreply looks for noreply. Like memcached it looks before anything
// else is checked, so that noreply silences errors too.
func (c *conn) setNoreply(args []string) {
	c.noreply = args[len(args)-1] == "noreply"
}

// get is get and gets.
func (c *conn) get(args []string) error {
	return c.retrieve(args[1:], args[0] == "gets", func(st *store, key string) *item {
		st.count.CmdGet++
		it := st.use(key)
		if it == nil {
			st.count.GetMisses++
			return nil
		}
		st.count.GetHits++
		return it
	})
}

// gat is gat and gats: touch, then get. memcached counts it as a touch.
func (c *conn) gat(args []string) error {
	exptime, ok := parseInt32(args[1])
	if !ok {
		return c.reply("CLIENT_ERROR invalid exptime argument")
	}
	return c.retrieve(args[2:], args[0] == "gats", func(st *store, key string) *item {
		return st.touch(key, expiry(exptime, st.cfg.Now()))
	})
}

// retrieve answers with the items that fetch finds. It holds references,
// not copies, until all are written: what they refer to does not change.
func (c *conn) retrieve(keys []string, withCAS bool, fetch func(*store, string) *item) error {
	var found []*item
	for _, key := range keys {
		if len(key) > maxKey {
			return c.reply(badFormat)
		}
		err := c.do(func(st *store) {
			if it := fetch(st, key); it != nil {
				found = append(found, it)
			}
		})
		if err != nil {
			return err
		}
	}
	if err := c.srv.waitDelay(c.stop); err != nil {
		return err
	}
	for _, it := range found {
		_, _ = fmt.Fprintf(c.w, "VALUE %s %d %d", it.key, it.flags, len(it.value))
		if withCAS {
			_, _ = fmt.Fprintf(c.w, " %d", it.cas)
		}
		_, _ = c.w.WriteString(crlf)
		_, _ = c.w.Write(it.value)
		_, _ = c.w.WriteString(crlf)
	}
	_, _ = c.w.WriteString("END" + crlf) // write errors: see answer
	return nil
}

func (c *conn) touch(args []string) error {
	c.setNoreply(args)
	if len(args[1]) > maxKey {
		return c.reply(badFormat)
	}
	exptime, ok := parseInt32(args[2])
	if !ok {
		return c.reply("CLIENT_ERROR invalid exptime argument")
	}
	return c.update(func(st *store) string {
		if st.touch(args[1], expiry(exptime, st.cfg.Now())) == nil {
			return notFound
		}
		return "TOUCHED"
	})
}

// delete accepts, besides noreply, the 0 of ancient clients: a hold time.
func (c *conn) delete(args []string) error {
	if len(args) > 2 {
		c.setNoreply(args)
		zero := args[2] == "0"
		if len(args) == 3 && !zero && !c.noreply || len(args) == 4 && !(zero && c.noreply) {
			return c.reply(badFormat + ".  Usage: delete <key> [noreply]")
		}
	}
	if len(args[1]) > maxKey {
		return c.reply(badFormat)
	}
	return c.update(func(st *store) string {
		if !st.remove(args[1]) {
			st.count.DeleteMisses++
			return notFound
		}
		st.count.DeleteHits++
		return "DELETED"
	})
}

// arithmetic is incr and decr.
func (c *conn) arithmetic(args []string) error {
	c.setNoreply(args)
	if len(args[1]) > maxKey {
		return c.reply(badFormat)
	}
	by, ok := parseUint64(args[2])
	if !ok {
		return c.reply("CLIENT_ERROR invalid numeric delta argument")
	}
	return c.update(func(st *store) string {
		return st.delta(args[1], by, args[0] == "incr")
	})
}

// flushAll drops everything now, or with a positive argument later.
func (c *conn) flushAll(args []string) error {
	c.setNoreply(args)
	plain := 1
	if c.noreply {
		plain = 2
	}
	exptime, ok := int32(0), true
	if len(args) != plain {
		exptime, ok = parseInt32(args[1])
	}
	return c.update(func(st *store) string {
		st.count.CmdFlush++
		switch {
		case !ok:
			return "CLIENT_ERROR invalid exptime argument"
		case exptime > 0:
			st.flushAt = expiry(exptime, st.cfg.Now())
		default:
			st.flush()
		}
		return "OK"
	})
}

// verbosity checks its argument; there is no log to make chattier.
func (c *conn) verbosity(args []string) error {
	c.setNoreply(args)
	if _, ok := parseUint32(args[1]); !ok {
		return c.reply(badFormat)
	}
	return c.reply("OK")
}
