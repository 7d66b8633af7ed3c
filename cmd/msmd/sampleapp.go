package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/spf13/cobra"

	"github.com/msmd/msmd/internal/demo"
)

func sampleAppCommand() *cobra.Command {
	var listen, name string
	cmd := &cobra.Command{
		Use:   "sample-app",
		Short: "Run the sample app alone, to put behind msmd serve",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			app := &appServer{handler: demo.NewApp(demo.Config{Name: name})}
			if err := app.listen(listen); err != nil {
				return err
			}
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "sample app %s on http://%s\n", name, app.addr)
			<-cmd.Context().Done()
			return app.stop()
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9001", "address to listen on")
	cmd.Flags().StringVar(&name, "name", "app1", "name that the page shows")
	return cmd
}

// appServer is a web app that can be stopped and started again on its address.
// It may be used concurrently.
type appServer struct {
	handler http.Handler
	addr    string // set by listen

	mu      sync.Mutex // guards server and serving
	server  *http.Server
	serving sync.WaitGroup
}

// listen starts the app on addr.
func (a *appServer) listen(addr string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	a.addr = l.Addr().String()
	srv := &http.Server{Handler: a.handler, ReadHeaderTimeout: readHeaderTimeout}
	a.server = srv
	a.serving.Go(func() { _ = srv.Serve(l) }) // ends with ErrServerClosed
	return nil
}

func (a *appServer) start() error { return a.listen(a.addr) }

func (a *appServer) up() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.server != nil
}

// stop cuts the app off at once, as its death would, and is safe twice.
func (a *appServer) stop() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.server == nil {
		return nil
	}
	err := a.server.Close()
	a.serving.Wait()
	a.server = nil
	if errors.Is(err, context.Canceled) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
