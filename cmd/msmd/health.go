package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	healthTimeout = 3 * time.Second
	healthDefault = "127.0.0.1:8081"
)

// healthCommand is for containers without a shell: their health checks run it.
func healthCommand(environ []string) *cobra.Command {
	addr := healthDefault
	for _, e := range environ {
		for _, name := range []string{"MSMD_ADMINLISTEN=", "MSMD_ADMIN_LISTEN="} {
			if v, ok := strings.CutPrefix(e, name); ok && v != "" {
				addr = v
			}
		}
	}
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running msmd whether it is ready; exit code 1 if not",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := askHealth(cmd.Context(), addr)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), answer)
			return err
		},
	}
	cmd.Flags().StringVar(&addr, "admin", addr, "admin address of the msmd, its adminListen")
	return cmd
}

func askHealth(ctx context.Context, addr string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return "", fmt.Errorf("admin address %q: %w; hint: host:port, the adminListen of the msmd", addr, err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("not ready: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return "", fmt.Errorf("not ready: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("not ready: %s: %s", res.Status, strings.TrimSpace(string(body)))
	}
	return string(body), nil
}
