// Command mailprobe_exporter probes mail servers, senders and domains and exposes what
// they answered to Prometheus.
package main

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"
)

func main() {
	setVersion()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// setVersion says what the build knows of itself where the linker was not told (-ldflags), as with go build, go install and go run.
// The revision finds its way by itself.
func setVersion() {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	v, date := versionOf(info)
	version.Version, version.BuildDate = cmp.Or(version.Version, v), cmp.Or(version.BuildDate, date)
}

// versionOf returns the version of the program, without the v of a module's, and when its last change was committed.
func versionOf(info *debug.BuildInfo) (v, date string) {
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			date = s.Value
		}
	}
	return strings.TrimPrefix(info.Main.Version, "v"), date
}

// flags are what the command line said.
type flags struct {
	configFile         string
	configSet          bool // --config.file was given.
	configCheck        bool
	autoReload         bool
	autoReloadInterval time.Duration
	timeoutOffset      time.Duration
	externalURL        string
	allowedHosts       []string
	lifecycle          bool
	schedule           bool
	storagePath        string
	web                *web.FlagConfig
	listenSet          bool // --web.listen-address was given.
	log                promslog.Config
}

// run is main with its surroundings as parameters; it returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	f := &flags{log: promslog.Config{Writer: stderr}}
	kingpin.EnableFileExpansion = false // "@example.org" is a domain mistyped, and no file of arguments.
	app := kingpin.New("mailprobe_exporter", "Probes mail servers, senders and domains and exposes what they answered to Prometheus.")
	app.UsageWriter(stdout).ErrorWriter(stderr)
	app.HelpFlag.Short('h')

	app.Flag("config.file", "Configuration: who is probed and how.").Default("exporter.yml").StringVar(&f.configFile)
	app.Flag("config.check", "Check the configuration, say what is wrong, and exit.").BoolVar(&f.configCheck)
	app.Flag("config.enable-auto-reload", "Reload when the configuration file or the catalogue files change. Target files are always watched.").BoolVar(&f.autoReload)
	app.Flag("config.auto-reload-interval", "How often to look for changed files.").Default("30s").DurationVar(&f.autoReloadInterval)
	app.Flag("schedule", "Probe targets by themselves. With --no-schedule they are probed only when /probe is asked for them, as one of several exporters.").Default("true").BoolVar(&f.schedule)
	app.Flag("timeout-offset", "How much less than a scrape's timeout a probe on demand (/probe) may take.").Default("500ms").DurationVar(&f.timeoutOffset)
	app.Flag("web.external-url", "URL under which this exporter is reached from outside; its path is the prefix of every page.").StringVar(&f.externalURL)
	app.Flag("web.allowed-hosts", "Further host names by which browsers reach this exporter, separated by commas; \"*.example.org\" for all names below one, \"*\" for any. Its IP addresses, the names of its machine, helo_name, the host of --web.external-url and names without a dot are always known.").StringsVar(&f.allowedHosts)
	app.Flag("web.enable-lifecycle", "Allow POST to /-/reload, and \"probe now\" on the page of a target.").BoolVar(&f.lifecycle)
	app.Flag("storage.path", "Directory that keeps, over restarts, what is known of the targets and when each was asked; without it everything is asked anew.").StringVar(&f.storagePath)
	f.web = kingpinflag.AddFlags(app, ":10587")
	app.GetFlag("config.file").IsSetByUser(&f.configSet)
	app.GetFlag("web.listen-address").IsSetByUser(&f.listenSet)
	promslogflag.AddFlags(app, &f.log)

	serve := app.Command("serve", "Probe on schedule and expose metrics (what is done without a command).").Default()
	demo := app.Command("demo", "Serve a small mail world on loopback, healthy and sick, and probe it. Needs no network and no configuration.")
	var asked explainFlags
	explain := addExplain(app, &asked)
	var once checkFlags
	check := addCheck(app, &once)
	var wanted dashboardsFlags
	boards := addDashboards(app, &wanted)
	var first initFlags
	initial := addInit(app, &first)

	var versionAsked bool
	app.Flag("version", "Show the version and exit.").BoolVar(&versionAsked)
	if len(args) == 1 && args[0] == "--version" {
		fmt.Fprintln(stdout, version.Print("mailprobe_exporter"))
		return 0
	}
	terminated := false
	app.Terminate(func(int) { terminated = true })
	command, err := app.Parse(args)
	switch {
	case terminated: // --help was answered.
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "mailprobe_exporter: %v (see --help)\n", err)
		return 2
	case versionAsked:
		fmt.Fprintln(stdout, version.Print("mailprobe_exporter"))
		return 0
	case f.timeoutOffset < 0:
		fmt.Fprintln(stderr, "mailprobe_exporter: --timeout-offset must not be negative")
		return 2
	case f.autoReloadInterval < time.Second:
		fmt.Fprintln(stderr, "mailprobe_exporter: --config.auto-reload-interval must be at least 1s")
		return 2
	case command == demo.FullCommand() && (f.configSet || f.configCheck):
		fmt.Fprintln(stderr, "mailprobe_exporter: the demo has a configuration of its own; leave --config.file and --config.check out, or leave demo out")
		return 2
	case command == demo.FullCommand() && !f.schedule:
		fmt.Fprintln(stderr, "mailprobe_exporter: the demo shows what probing finds; leave --no-schedule out, or leave demo out")
		return 2
	case command == demo.FullCommand() && f.storagePath != "":
		fmt.Fprintln(stderr, "mailprobe_exporter: the demo's world is made anew at each start, so there is nothing to keep; leave --storage.path out, or leave demo out")
		return 2
	}

	logger := promslog.New(&f.log)
	switch command {
	case serve.FullCommand():
		err = runServe(f, stdout, logger)
	case demo.FullCommand():
		err = runDemo(f, stdout, logger)
	case check.FullCommand():
		status, err := runCheck(f, &once, stdout, stderr, logger)
		if err != nil {
			fmt.Fprintf(stderr, "mailprobe_exporter: %v\n", err)
		}
		return status
	case initial.FullCommand():
		status, err := runInit(f, &first, stdin, stdout)
		if err != nil {
			fmt.Fprintf(stderr, "mailprobe_exporter: %v\n", err)
		}
		return status
	case explain.FullCommand():
		status, err := runExplain(f, &asked, stdin, stdout)
		if err != nil {
			fmt.Fprintf(stderr, "mailprobe_exporter: %v\n", err)
		}
		return status
	case boards.FullCommand():
		err = runDashboards(&wanted, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "mailprobe_exporter: %v\n", err)
		return 1
	}
	return 0
}

// logStart says what is starting, as every exporter's first log line does.
func logStart(logger *slog.Logger) {
	logger.Info("Starting mailprobe_exporter", "version", version.Info(), "build_context", version.BuildContext(), "cpus", runtime.GOMAXPROCS(0))
}
