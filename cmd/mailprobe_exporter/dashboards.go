package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/dashboards"
)

// dashboardsFlags are what the command line says about what to write.
type dashboardsFlags struct {
	output  string
	options dashboards.Options
}

const dashboardsHelp = `Write alert rules with their tests, Grafana dashboards, and examples for Alertmanager, Prometheus and the Prometheus Operator.

  dashboards --output /etc/prometheus/mailprobe
  dashboards --output DIR --job-selector 'job="mailprobe"' --set for_server=20m --lang ru

Files that an earlier version wrote are replaced; if one of another kind is in the way, nothing is written.`

// addDashboards adds the command to the program.
func addDashboards(app *kingpin.Application, f *dashboardsFlags) *kingpin.CmdClause {
	f.options.Set = map[string]string{}
	c := app.Command("dashboards", dashboardsHelp)
	c.Flag("output", "Directory to write to; it is made if it is not there.").PlaceHolder("DIR").Required().StringVar(&f.output)
	c.Flag("job-selector", `Matchers of PromQL that choose the exporter's series, as job="mailprobe". By default the names of its metrics do.`).PlaceHolder("MATCHERS").StringVar(&f.options.JobSelector)
	c.Flag("external-url", "URL of this exporter's pages, for runbook_url and dashboard_url. By default the project's documentation and Prometheus.").PlaceHolder("URL").StringVar(&f.options.ExternalURL)
	c.Flag("grafana-url", "URL of Grafana, for dashboard_url.").PlaceHolder("URL").StringVar(&f.options.GrafanaURL)
	c.Flag("lang", "Language of summaries and descriptions: en or ru.").Default(string(catalog.English)).EnumVar(&f.options.Lang, string(catalog.English), string(catalog.Russian))
	c.Flag("set", "A threshold, as for_server=20m; may be repeated. docs/alerts.md lists them.").PlaceHolder("NAME=VALUE").StringMapVar(&f.options.Set)
	return c
}

// runDashboards is the command.
func runDashboards(f *dashboardsFlags, stdout, stderr io.Writer) error {
	f.options.Version = version.Version
	files, err := dashboards.Files(f.options)
	if err != nil {
		return err
	}
	var errs []error
	for _, file := range files {
		errs = append(errs, mayReplace(filepath.Join(f.output, filepath.FromSlash(file.Path))))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}
	for _, file := range files {
		if err := writeFile(filepath.Join(f.output, filepath.FromSlash(file.Path)), file.Data); err != nil {
			return err
		}
	}
	for _, line := range dashboards.Deprecated(f.options.Set) {
		fmt.Fprintln(stderr, "mailprobe_exporter: warning: "+line)
	}
	fmt.Fprintf(stdout, "%d files are in %s\n", len(files), f.output)
	return nil
}

// mayReplace says why a file must not be written: something else than an earlier version of it is there.
func mayReplace(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if len(data) > 0 && !dashboards.Ours(data) {
		return fmt.Errorf("%s is there and was not made by this program; move it away or write elsewhere", path)
	}
	return nil
}

// writeFile writes a file as a whole or not at all, for it may be in use.
func writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, "."+strings.TrimPrefix(filepath.Base(path), ".")+".*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(data)
	if err := errors.Join(err, temporary.Chmod(0o644), temporary.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(temporary.Name()))
	}
	return os.Rename(temporary.Name(), path)
}
