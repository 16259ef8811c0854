package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/catalog/bounce"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// initFlags are what the command line says to init.
type initFlags struct {
	domain    string
	from      string
	fromSet   bool // Given; "" then stands for "-", which is how the flag's parser hands it over.
	output    string
	force     bool
	resolvers []string
	timeout   time.Duration
	lang      string
	demo      bool
}

const initHelp = `Write a commented exporter.yml for a domain, from its DNS and from a letter that it sent.

  init example.org
  init example.org --from letter.eml --output exporter.yml

DKIM selectors and the addresses that mail leaves from cannot be found in DNS. They stand in the header of a letter that arrived: send one to a
mailbox at another provider and save its original there ("show original", "download message").

Exit status: 0 a file was written, 2 none was.`

// addInit adds the command to the program.
func addInit(app *kingpin.Application, f *initFlags) *kingpin.CmdClause {
	c := app.Command("init", initHelp)
	c.Flag("from", "A letter that the domain sent, as it arrived elsewhere; - is standard input.").PlaceHolder("PATH").IsSetByUser(&f.fromSet).StringVar(&f.from)
	c.Flag("output", "The file to write; by default it goes to standard output. A file that is there is left alone.").PlaceHolder("PATH").StringVar(&f.output)
	c.Flag("force", "Write over the file of --output.").BoolVar(&f.force)
	c.Flag("resolver", "The resolver to ask, as host:port; may be given several times. By default those of this computer.").PlaceHolder("HOST:PORT").StringsVar(&f.resolvers)
	c.Flag("timeout", "How long asking DNS may take; what is not known by then is left out and told of.").Default("30s").DurationVar(&f.timeout)
	c.Flag("lang", "Language of the comments: en or ru. By default that of LC_ALL, LC_MESSAGES or LANG.").Default(string(localeOf(os.Getenv))).EnumVar(&f.lang, string(catalog.English), string(catalog.Russian))
	c.Flag("demo", "Write it for a domain of the demo's mail world, as healthy.example.").BoolVar(&f.demo)
	c.Arg("domain", "The mail domain.").Required().StringVar(&f.domain)
	return c
}

// errInit begins errors of the command line and of what cannot be made.
var errInit = errors.New("init")

// runInit is the command. Nothing is written that exporter.yml's own reader would not take.
func runInit(program *flags, f *initFlags, stdin io.Reader, stdout io.Writer) (status int, err error) {
	cfg, done, err := f.configuration(program)
	if err != nil {
		return 2, err
	}
	defer done()
	domain, err := cfg.TargetOf(f.domain, targets.KindDomain)
	if err != nil {
		return 2, fmt.Errorf("%w: %w", errInit, err)
	}
	if _, err := os.Lstat(f.output); f.output != "" && err == nil && !f.force {
		return 2, fmt.Errorf("%w: %s is there already; it is written over only with --force", errInit, f.output)
	}
	s := &survey{cfg: cfg, domain: domain.Name}
	if f.fromSet {
		if err := s.readLetter(f.from, stdin); err != nil {
			return 2, err
		}
	}
	if err := s.ask(f.timeout); err != nil {
		return 2, err
	}
	if len(f.resolvers) > 0 {
		s.resolvers = cfg.Resolver.Servers
	}
	text := s.file(catalog.Lang(f.lang))
	if _, err := targets.Parse("exporter.yml", text, targets.Options{}); err != nil {
		return 2, fmt.Errorf("%w: what was made is no configuration, please report it: %w", errInit, err)
	}
	if f.output == "" {
		_, err = stdout.Write(text)
	} else {
		err = writeNew(f.output, text, f.force)
	}
	if err != nil {
		return 2, fmt.Errorf("%w: %w", errInit, err)
	}
	return 0, nil
}

// configuration is an empty one with the resolver to ask, or the resolver of the demo's mail world, which done ends.
func (f *initFlags) configuration(program *flags) (cfg *targets.Config, done func(), err error) {
	switch {
	case program.configSet:
		return nil, nil, fmt.Errorf("%w: it makes a configuration and reads none; leave --config.file out (--output says where it goes)", errInit)
	case f.timeout < time.Second:
		return nil, nil, fmt.Errorf("%w: --timeout must be at least 1s", errInit)
	case f.force && f.output == "":
		return nil, nil, fmt.Errorf("%w: --force is about the file of --output", errInit)
	case f.demo && len(f.resolvers) > 0:
		return nil, nil, fmt.Errorf("%w: the demo has a resolver of its own; leave --resolver out, or leave --demo out", errInit)
	}
	empty, err := targets.Parse("init", []byte("{}"), targets.Options{Metrics: checks.MetricNames()})
	if err != nil {
		return nil, nil, err
	}
	done = func() {}
	if f.demo {
		world, demo, err := demoWorld()
		if err != nil {
			return nil, nil, err
		}
		empty.Resolver, done = demo.Resolver, world.Close
	}
	if len(f.resolvers) > 0 {
		if empty.Resolver.Servers, err = targets.ParseResolvers(f.resolvers); err != nil {
			return nil, nil, fmt.Errorf("%w: --resolver: %w", errInit, err)
		}
	}
	return empty, done, nil
}

// readLetter reads the letter of --from.
func (s *survey) readLetter(path string, stdin io.Reader) error {
	in := stdin
	if path != "" && path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("%w: %w", errInit, err)
		}
		defer file.Close()
		in = file
	}
	if in == nil {
		in = eof{}
	}
	l, ok, err := bounce.ReadArrived(in)
	if err != nil {
		return fmt.Errorf("%w: read the letter: %w", errInit, err)
	}
	if !ok {
		return fmt.Errorf("%w: the letter of --from is none that arrived: want its original with the whole header, as another provider shows it", errInit)
	}
	return s.learn(&l)
}

// eof is an empty standard input.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// ask asks DNS.
func (s *survey) ask(timeout time.Duration) error {
	dns, err := dnsclient.New(dnsclient.Options{Servers: s.cfg.Resolver.Servers, Timeout: s.cfg.Resolver.Timeout})
	if err != nil {
		return fmt.Errorf("resolver: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	s.dns = dns
	if err := s.look(bounded); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: interrupted", errInit)
	}
	return nil
}

// writeNew writes a file that is not there yet, unless force says that it may be.
func writeNew(path string, text []byte, force bool) error {
	flag := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flag = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	file, err := os.OpenFile(path, flag, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}
