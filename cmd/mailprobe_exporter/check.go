package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/term"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// checkFlags are what the command line says to check.
type checkFlags struct {
	targets      []string
	selectors    []string
	senders      []string
	resolvers    []string
	username     string
	passwordFile string
	timeout      time.Duration
	lang         string
	format       string
	failOn       string
	verbose      bool
	demo         bool
}

const checkHelp = `Probe now and report what is wrong, why, and what to do.

  check example.org
  check example.org --dkim-selector s2026a --sender 203.0.113.9
  check mx.example.org:25
  check smtp.example.org --username anna --password-file password.txt
  check 203.0.113.9
  check

A name with an MX record is a mail domain; any other is a host, which is tried on the ports 25, 465, 587
and 2525. Without a name, all that the configuration file has is checked. No message is sent and no
recipient asked for, unless the configuration file says so of the target.

Exit status: 0 nothing is wrong, 1 there are problems (see --fail-on), 2 nothing could be told.`

// addCheck adds the command to the program.
func addCheck(app *kingpin.Application, f *checkFlags) *kingpin.CmdClause {
	c := app.Command("check", checkHelp)
	c.Flag("dkim-selector", "A selector of the domain's DKIM keys, the s= of a DKIM-Signature; may be given several times.").PlaceHolder("NAME").StringsVar(&f.selectors)
	c.Flag("sender", "An address that the domain's mail leaves from; may be given several times.").PlaceHolder("ADDRESS").StringsVar(&f.senders)
	c.Flag("resolver", "The resolver to ask, as host:port; may be given several times. By default those of the configuration file or of this computer.").PlaceHolder("HOST:PORT").StringsVar(&f.resolvers)
	c.Flag("username", "Log in as this user, once, over verified TLS, at the server given or at the first port of the host that offers it.").PlaceHolder("NAME").StringVar(&f.username)
	c.Flag("password-file", "The file with the password for --username.").PlaceHolder("PATH").StringVar(&f.passwordFile)
	c.Flag("timeout", "How long all of it may take; what is not known by then is unknown.").Default("2m").DurationVar(&f.timeout)
	c.Flag("lang", "Language: en or ru. By default that of LC_ALL, LC_MESSAGES or LANG.").Default(string(localeOf(os.Getenv))).EnumVar(&f.lang, string(catalog.English), string(catalog.Russian))
	c.Flag("format", "For people or for programs: text or json (docs/check.md).").Default("text").EnumVar(&f.format, "text", "json")
	c.Flag("fail-on", "Exit with status 1 for problems of this severity or worse: critical, warning or info.").Default("warning").EnumVar(&f.failOn, "critical", "warning", "info")
	c.Flag("verbose", "Show what each check saw: the dialogue with the server, the records.").Short('v').BoolVar(&f.verbose)
	c.Flag("demo", "Check a target of the demo's mail world, as two-spf.example, instead of the real one.").BoolVar(&f.demo)
	c.Arg("target", "A domain, a server (host or host:port) or an address; several are checked together. By default all that is configured.").StringsVar(&f.targets)
	return c
}

// errCheck begins errors of the command line.
var errCheck = errors.New("check")

// A checker checks targets once.
type checker struct {
	flags  *checkFlags
	cfg    *targets.Config
	file   string               // Where the configuration comes from; "": there is none.
	user   *targets.Credentials // Who is to log in; nil: nobody.
	world  *mailworld.World     // nil: the real one.
	logger *slog.Logger
}

// runCheck is the command. The status is 2 if nothing could be told, and with an error.
func runCheck(program *flags, f *checkFlags, stdout, stderr io.Writer, logger *slog.Logger) (status int, err error) {
	k := &checker{flags: f, logger: logger}
	if err := k.load(program); err != nil {
		return 2, err
	}
	if k.world != nil {
		defer k.world.Close()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()

	asked, err := k.read(ctx)
	if err != nil {
		return 2, err
	}
	live := &progress{}
	if file, ok := stderr.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		live.bar = stderr
	}
	c, err := k.once(ctx, asked.all, live)
	if err != nil {
		return 2, err
	}
	r := newReport(c, k.cfg.Catalog(), asked, catalog.Severity(f.failOn))
	if k.user != nil {
		if err := k.logIn(ctx, r, live); err != nil {
			return 2, err
		}
	}
	live.end()
	r.overran, r.interrupted = ctx.Err() != nil, errors.Is(ctx.Err(), context.Canceled)
	r.judge()
	if f.format == "json" {
		return r.status, r.writeJSON(stdout, catalog.Lang(f.lang))
	}
	out := newPage(stdout, catalog.Lang(f.lang))
	(&reporter{page: out, report: r, verbose: f.verbose, explained: map[string]bool{}}).write()
	return r.status, out.err
}

// load makes the configuration: the demo's, that of the file if there is one, or an empty one.
func (k *checker) load(program *flags) (err error) {
	f := k.flags
	if f.username != "" && f.passwordFile != "" {
		if k.user, err = targets.ReadCredentials(f.username, f.passwordFile); err != nil {
			return fmt.Errorf("%w: --password-file: %w", errCheck, err)
		}
	}
	switch {
	case f.timeout < time.Second:
		return fmt.Errorf("%w: --timeout must be at least 1s", errCheck)
	case (f.username == "") != (f.passwordFile == ""):
		return fmt.Errorf("%w: --username and --password-file belong together", errCheck)
	case f.demo && (program.configSet || len(f.resolvers) > 0):
		return fmt.Errorf("%w: the demo has a configuration and a resolver of its own; leave --config.file and --resolver out, or leave --demo out", errCheck)
	case f.demo:
		k.file = "demo"
		if k.world, k.cfg, err = demoWorld(); err != nil {
			return err
		}
	default:
		k.file = program.configFile
		k.cfg, err = targets.Load(k.file, targets.Options{Metrics: checks.MetricNames()})
		if program.configSet {
			break
		}
		if errors.Is(err, fs.ErrNotExist) {
			k.file = ""
			k.cfg, err = targets.Parse("check", []byte("{}"), targets.Options{})
		} else if err == nil {
			k.logger.Info("Using the configuration in this directory", "file", k.file)
		}
	}
	if err != nil {
		return err
	}
	if len(f.resolvers) > 0 {
		servers, err := targets.ParseResolvers(f.resolvers)
		if err != nil {
			return fmt.Errorf("%w: --resolver: %w", errCheck, err)
		}
		with := *k.cfg
		with.Resolver.Servers = servers
		k.cfg = &with
	}
	return nil
}

// options are those of a collector for the configuration.
func (k *checker) options(cfg *targets.Config) collector.Options {
	o := collector.Options{Config: cfg, Logger: k.logger}
	if k.world != nil {
		o.Dialer, o.Route, o.Roots = k.world.Dialer(), mailworld.Route, k.world.Roots()
	}
	return o
}

// once runs every check of the targets and returns the collector, which knows then of them, of the servers found by MX and of this computer.
func (k *checker) once(ctx context.Context, list []*targets.Target, live *progress) (*collector.Collector, error) {
	c, err := collector.New(k.options(k.cfg.Only(list)))
	if err != nil {
		return nil, err
	}
	c.Once(ctx, live.seen)
	return c, nil
}

// logIn tries the user once, at a server where the password is safe.
func (k *checker) logIn(ctx context.Context, r *report, live *progress) error {
	server := r.loginServer()
	if server == nil {
		r.noLogin = true
		return nil
	}
	t := targets.WithCredentials(server, k.user)
	c, err := k.once(ctx, []*targets.Target{t}, live)
	if err != nil {
		return err
	}
	r.add(c.Snapshots(), t.Name)
	return nil
}

// A progress shows on a terminal how far all has come. What was found is written when all is known, for checks end in no order and some
// run twice.
type progress struct {
	bar io.Writer // nil: there is no terminal.

	mu   sync.Mutex
	runs int
}

// maxBar is how long the bar may be, so that it stays on one line of a narrow terminal.
const maxBar = leastWidth - 1

// seen is called by collector.Once when a check has run.
func (p *progress) seen(s *collector.Snapshot, check string) {
	if p.bar == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs++
	fmt.Fprint(p.bar, "\r\x1b[K"+clip(fmt.Sprintf("%d… %s %s", p.runs, check, s.Target.Name), maxBar))
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		fmt.Fprint(p.bar, "\r\x1b[K")
	}
}
