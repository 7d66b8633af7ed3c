package memcached

import (
	"errors"
	"strings"
	"time"
)

// errStopped ends a connection whose server was stopped while it waited.
var errStopped = errors.New("memcached: stopped")

// faults is what the fault hooks have set. Server.dataMu guards it.
type faults struct {
	resumed chan struct{} // non-nil while paused, closed by Resume
	delay   time.Duration
	refuse  string
}

// Pause makes the server hang like a process that got SIGSTOP: connections
// are accepted, commands are received, but nothing is executed or answered.
// When Pause has returned no command touches the data any more. Commands
// received meanwhile are executed after Resume, also those of clients that
// have gone. Stop does not end the pause. Pausing twice is pausing once.
func (s *Server) Pause() {
	s.dataMu.Lock()
	defer s.dataMu.Unlock()
	if s.faults.resumed == nil {
		s.faults.resumed = make(chan struct{})
	}
}

// Resume ends Pause, like SIGCONT. Without a Pause it does nothing.
func (s *Server) Resume() {
	s.dataMu.Lock()
	defer s.dataMu.Unlock()
	if s.faults.resumed != nil {
		close(s.faults.resumed)
		s.faults.resumed = nil
	}
}

// Delay makes each answer wait d after its command was executed, like a
// slow network on the way back: a client that gives up has changed the data
// all the same. Zero ends it for answers that do not wait yet.
func (s *Server) Delay(d time.Duration) {
	s.dataMu.Lock()
	defer s.dataMu.Unlock()
	s.faults.delay = d
}

// Refuse makes every storage command (set, add, replace, append, prepend,
// cas) answer "SERVER_ERROR reason" without changing anything. Line breaks
// in reason become spaces. "" ends it.
func (s *Server) Refuse(reason string) {
	s.dataMu.Lock()
	defer s.dataMu.Unlock()
	s.faults.refuse = strings.Join(strings.Fields(reason), " ")
}

// lockRunning locks dataMu as soon as the server is not paused. It returns
// errStopped, without the lock, if stop is closed first.
func (s *Server) lockRunning(stop <-chan struct{}) error {
	for {
		s.dataMu.Lock()
		resumed := s.faults.resumed
		if resumed == nil {
			return nil
		}
		s.dataMu.Unlock()
		select {
		case <-resumed: // look again: it may be paused once more
		case <-stop:
			return errStopped
		}
	}
}

// waitDelay waits for the delay in force. It returns errStopped if stop is
// closed first.
func (s *Server) waitDelay(stop <-chan struct{}) error {
	s.dataMu.Lock()
	d := s.faults.delay
	s.dataMu.Unlock()
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-stop:
		return errStopped
	}
}

// refusal returns the answer of Refuse, or "". The caller holds dataMu.
func (f *faults) refusal() string {
	if f.refuse == "" {
		return ""
	}
	return "SERVER_ERROR " + f.refuse
}
