package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/msmd/msmd/internal/config"
	"github.com/msmd/msmd/internal/demo"
	"github.com/msmd/msmd/internal/memcached"
)

// The demo's addresses, unless they are taken.
const (
	demoListen  = "127.0.0.1:8080"
	demoControl = "127.0.0.1:8089"
)

var demoGreeting = template.Must(template.New("demo").Parse(`msmd demo: two memcached nodes, two apps, msmd in front, all in this process.

  open     {{.URL}}/
  control  {{.Control}}/_demo/   (stop and start app1, app2, n1, n2)
  admin    http://{{.Admin}}/nodes
{{range .Parts}}  {{.Name}}{{"\t"}}   {{.Addr}}
{{end}}
Try it without a browser:

  curl -s -c /tmp/msmd-demo -b /tmp/msmd-demo -d dataName=color -d dataValue=blue {{.URL}}/
  curl -s -X POST {{.Control}}/_demo/stop/app1; curl -s -X POST {{.Control}}/_demo/stop/n1
  curl -s -c /tmp/msmd-demo -b /tmp/msmd-demo -H 'Accept: application/json' {{.URL}}/

This memcached is a stand-in for trying things out; run real ones for real users.
Ctrl-C ends it.
`))

func demoCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Try msmd: two nodes, two apps and msmd in one process",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := newLogger(cmd.ErrOrStderr(), config.LogText, slog.LevelWarn)
			return runDemo(cmd.Context(), listen, cmd.Flags().Changed("listen"), cmd.OutOrStdout(), log)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", demoListen, "address of the page; the default gives way to a free port if it is taken")
	return cmd
}

// demoParts is what the demo runs besides msmd itself.
type demoParts struct {
	nodes   []*memcached.Server
	apps    []*appServer
	control net.Listener
	parts   []demo.Component
}

func runDemo(ctx context.Context, listen string, insist bool, stdout io.Writer, log *slog.Logger) error {
	d := &demoParts{}
	defer d.close()
	page, err := freeAddr(listen, insist)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if err := d.start(page); err != nil {
		return err
	}
	cfg, err := d.config(page)
	if err != nil {
		return err
	}
	msmd, err := start(cfg, log)
	if err != nil {
		return err
	}
	control := &http.Server{Handler: demo.NewControl("http://"+page+"/", d.parts), ReadHeaderTimeout: readHeaderTimeout}
	msmd.serve(control, d.control)
	err = demoGreeting.Execute(stdout, map[string]any{
		"URL": "http://" + page, "Control": "http://" + d.control.Addr().String(), "Admin": msmd.adminAddr(), "Parts": d.parts,
	})
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-msmd.failed:
		}
	}
	return errors.Join(err, control.Close(), msmd.close())
}

// freeAddr returns addr if it can be listened on, else, unless the user
// insists on it, the same host with a free port.
func freeAddr(addr string, insist bool) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil && !insist && errors.Is(err, syscall.EADDRINUSE) {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", err
	}
	addr = l.Addr().String()
	return addr, l.Close()
}

// start starts the nodes, the apps and the control listener.
func (d *demoParts) start(page string) error {
	for _, addr := range []string{"127.0.0.1:11311", "127.0.0.1:11312"} {
		s := memcached.New(memcached.Config{})
		if err := listenOrFree(addr, s.Start); err != nil {
			return fmt.Errorf("memcached: %w", err)
		}
		d.nodes = append(d.nodes, s)
	}
	var err error
	if err := listenOrFree(demoControl, func(addr string) error {
		d.control, err = net.Listen("tcp", addr)
		return err
	}); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	control := "http://" + d.control.Addr().String()
	for i, addr := range []string{"127.0.0.1:9001", "127.0.0.1:9002"} {
		app := &appServer{handler: demo.NewApp(demo.Config{Name: fmt.Sprintf("app%d", i+1), Control: control, Parts: d.states})}
		if err := listenOrFree(addr, app.listen); err != nil {
			return fmt.Errorf("app: %w", err)
		}
		d.apps = append(d.apps, app)
	}
	for i, a := range d.apps {
		d.parts = append(d.parts, demo.Component{Name: fmt.Sprintf("app%d", i+1), Kind: "app", Addr: a.addr,
			Up: a.up, Stop: a.stop, Start: a.start})
	}
	for i, n := range d.nodes {
		d.parts = append(d.parts, nodePart(fmt.Sprintf("n%d", i+1), n))
	}
	return nil
}

// listenOrFree calls listen with addr or, if that is taken, with a free port.
func listenOrFree(addr string, listen func(addr string) error) error {
	err := listen(addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = listen("127.0.0.1:0")
	}
	return err
}

func nodePart(name string, s *memcached.Server) demo.Component {
	addr := s.Addr()
	return demo.Component{Name: name, Kind: "node", Addr: addr, Up: s.Running,
		Stop:  func() error { s.Stop(); return nil },
		Start: func() error { return s.Start(addr) },
		Empty: func() error {
			s.Stop() // a restart breaks the connections too
			s.Empty()
			return s.Start(addr)
		},
	}
}

func (d *demoParts) states() []demo.Part {
	states := make([]demo.Part, len(d.parts))
	for i, p := range d.parts {
		states[i] = demo.Part{Name: p.Name, Kind: p.Kind, Addr: p.Addr, Up: p.Up()}
	}
	return states
}

// config makes the configuration that a user would write for these parts.
func (d *demoParts) config(page string) (*config.Config, error) {
	var nodeList, appList []string
	for i, n := range d.nodes {
		nodeList = append(nodeList, fmt.Sprintf("n%d:%s", i+1, n.Addr()))
	}
	for i, a := range d.apps {
		appList = append(appList, fmt.Sprintf("app%d=http://%s", i+1, a.addr))
	}
	cfg, _, err := config.Load("", nil, []string{
		"MSMD_LISTEN=" + page,
		"MSMD_ADMIN_LISTEN=127.0.0.1:0",
		"MSMD_MEMCACHED_NODES=" + strings.Join(nodeList, ","),
		"MSMD_APPS=" + strings.Join(appList, ","),
		`MSMD_REQUEST_URI_IGNORE_PATTERN=.*\.(ico|png|gif|jpg|css|js)$`,
		"MSMD_SHUTDOWN_TIMEOUT=2s",
	})
	return cfg, err
}

func (d *demoParts) close() {
	for _, a := range d.apps {
		_ = a.stop() // it dies with the process in any case
	}
	for _, n := range d.nodes {
		n.Stop()
	}
	if d.control != nil {
		_ = d.control.Close() // closed already by its server, if that started
	}
}
