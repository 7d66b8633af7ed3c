package main

import (
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/msmd/msmd/internal/config"
)

func serveCommand(environ []string) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long: "Run the reverse proxy in front of the apps of a configuration.\n\n" +
			"Values come from flags, then MSMD_* environment variables, then the file, then defaults.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, warnings, err := config.Load(file, cmd.Flags(), environ)
			if err != nil {
				return err
			}
			log := newLogger(cmd.ErrOrStderr(), cfg.LogFormat, cfg.LogLevel)
			for _, w := range warnings {
				log.Warn(w)
			}
			return serve(cmd.Context(), cfg, log)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file (YAML)")
	config.AddFlags(cmd.Flags())
	return cmd
}

func checkCommand(environ []string) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "check [PATH...]",
		Short: "Check a configuration and print what it means",
		Long: "Check a configuration as serve would read it and print what it means. Nothing is connected to.\n\n" +
			"PATHs are tried against requestUriIgnorePattern.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, paths []string) error {
			cfg, _, err := config.Load(file, cmd.Flags(), environ)
			if err != nil {
				return err
			}
			return cfg.Check(cmd.OutOrStdout(), paths)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file (YAML)")
	config.AddFlags(cmd.Flags())
	return cmd
}

// newLogger writes JSON lines, or text where a person reads them.
func newLogger(w io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == config.LogText || format == config.Auto && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && !strings.HasSuffix(f.Name(), "null")
}
