package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// errNotInstalled says that a row's program is not on this machine.
var errNotInstalled = errors.New("not installed")

const noMemcached = "memcached is not installed; hint: apt-get install memcached"

// cluster is everything that runs besides the load generator. A server that
// several rows use is started once.
type cluster struct {
	*launcher
	msmd       string // path of the binary
	profiles   string // directory for CPU profiles of the benchmark's own servers, or ""
	memcacheds []string
	addrs      map[string]string // of the servers that run, by name
}

// startCluster starts two memcacheds and the app.
func startCluster(l *launcher, msmd, profiles string) (*cluster, error) {
	c := &cluster{launcher: l, msmd: msmd, profiles: profiles, addrs: map[string]string{}}
	path, err := exec.LookPath("memcached")
	if err != nil {
		return nil, errors.New(noMemcached)
	}
	for i := range 2 {
		addr, err := l.listen(fmt.Sprintf("memcached%d", i+1), func(addr string) ([]string, error) {
			host, port, err := net.SplitHostPort(addr)
			argv := []string{path, "-l", host, "-p", port, "-U", "0", "-m", "256", "-c", "4096"}
			if os.Geteuid() == 0 {
				argv = append(argv, "-u", "nobody") // memcached refuses to run as root
			}
			return argv, err
		})
		if err != nil {
			return nil, err
		}
		c.memcacheds = append(c.memcacheds, addr)
	}
	_, err = c.own("app")
	return c, err
}

// nodeList returns the memcacheds as msmd's memcachedNodes.
func (c *cluster) nodeList() string {
	var nodes []string
	for i, addr := range c.memcacheds {
		nodes = append(nodes, fmt.Sprintf("n%d:%s", i+1, addr))
	}
	return strings.Join(nodes, ",")
}

// once starts a server unless it runs.
func (c *cluster) once(name string, argv func(addr string) ([]string, error)) (string, error) {
	if addr, ok := c.addrs[name]; ok {
		return addr, nil
	}
	addr, err := c.listen(name, argv)
	if err == nil {
		c.addrs[name] = addr
	}
	return addr, err
}

// own starts one of the benchmark's own servers.
func (c *cluster) own(kind string) (string, error) { return c.ownCopies(kind, kind, 2) }

// ownCopies is own for a number of copies. All kinds get all flags and use what
// they need.
func (c *cluster) ownCopies(name, kind string, copies int) (string, error) {
	return c.once(name, func(addr string) ([]string, error) {
		argv := []string{c.self, "server", kind, "-listen", addr, "-app", c.addrs["app"],
			"-nodes", c.nodeList(), "-copies", fmt.Sprint(copies)}
		if c.profiles != "" {
			argv = append(argv, "-cpuprofile", filepath.Join(c.profiles, name+".pprof"))
		}
		return argv, nil
	})
}

// msmdServe starts msmd in front of the app, with its defaults but for what a
// row is about. At logLevel info it would log no request either.
func (c *cluster) msmdServe(name string, replicas int) (string, error) {
	return c.once(name, func(addr string) ([]string, error) {
		file := filepath.Join(c.dir, name+".yaml")
		text := fmt.Sprintf("listen: %s\nmemcachedNodes: %s\napps: [app=http://%s]\nrequestUriIgnorePattern: '%s'\nreplicas: %d\nlogLevel: warn\n",
			addr, c.nodeList(), c.addrs["app"], ignorePattern, replicas)
		return []string{c.msmd, "serve", "--config", file}, os.WriteFile(file, []byte(text), 0o644)
	})
}

// nginx starts nginx in front of the app: a plain proxy with connections kept
// alive on both sides and no log.
func (c *cluster) nginx() (string, error) {
	path, err := exec.LookPath("nginx")
	if err != nil {
		return "", errNotInstalled
	}
	dir := filepath.Join(c.dir, "nginx-files")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return c.once("nginx", func(addr string) ([]string, error) {
		file := filepath.Join(dir, "nginx.conf")
		text := strings.NewReplacer("LISTEN", addr, "APP", c.addrs["app"], "DIR", dir).Replace(nginxConfig)
		return []string{path, "-p", dir, "-c", file, "-e", "stderr"}, os.WriteFile(file, []byte(text), 0o644)
	})
}

const nginxConfig = `daemon off;
worker_processes 1;
pid DIR/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path DIR/body;
    proxy_temp_path DIR/proxy;
    fastcgi_temp_path DIR/fastcgi;
    uwsgi_temp_path DIR/uwsgi;
    scgi_temp_path DIR/scgi;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    upstream app {
        server APP;
        keepalive 512;
        keepalive_requests 1000000000;
    }
    server {
        listen LISTEN;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
        }
    }
}
`

// buildMsmd builds the program that is measured.
func buildMsmd(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "msmd")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/msmd/msmd/cmd/msmd").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build cmd/msmd: %w\n%s", err, out)
	}
	return path, nil
}
