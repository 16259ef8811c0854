package targets

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options of Load.
type Options struct {
	Metrics []string // Names of all metrics, for metrics.exclude; nil: any name will do.
	// Getenv reads password_env and the like; nil means os.Getenv.
	Getenv func(string) string
	// Previous is the configuration in force, whose last good target files are kept for files that are bad now; nil at start.
	Previous *Config
}

// Load reads and validates a configuration with its target files. Mistakes in it are an Errors; a bad target file is not
// an error but a FileState and a warning.
func Load(path string, o Options) (*Config, error) {
	text, err := readRegular(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, text, o)
}

// Parse is Load on the text of exporter.yml; name stands in positions, relative paths are relative to its directory.
func Parse(name string, text []byte, o Options) (*Config, error) {
	doc, err := newDocument(name)
	if err != nil {
		return nil, err
	}
	p := &parser{cfg: defaults(), doc: doc, opts: o, getenv: o.Getenv, book: newBook()}
	if p.getenv == nil {
		p.getenv = os.Getenv
	}
	p.cfg.inputs = []string{escape(filepath.Join(doc.dir, filepath.Base(name)))}
	if root, ok := doc.parse(text); ok {
		p.book.add(doc, p.everything(root))
	}
	if len(doc.errs) > 0 {
		return nil, doc.errs.sorted()
	}
	p.targetFiles()
	p.finish()
	if p.losesAll() {
		doc.fail(place{}, fmt.Sprintf("there is no target in it, and the configuration in force has %d; if none is to be probed, write: domains: []",
			len(o.Previous.Targets)))
		return nil, doc.errs.sorted()
	}
	return p.cfg, nil
}

func newDocument(name string) (*document, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return &document{file: name, dir: filepath.Dir(path)}, nil
}

// losesAll reports whether the configuration takes all targets away and does not say so with an empty list. A file of no
// bytes is what a full disk or a failed template leaves, and target files are gone where a volume is not mounted.
func (p *parser) losesAll() bool {
	return p.opts.Previous != nil && len(p.opts.Previous.Targets) > 0 && len(p.cfg.Targets) == 0 && !p.noTargets
}

// defaults is a configuration that says nothing.
func defaults() *Config {
	return &Config{
		Resolver: Resolver{Timeout: 5 * time.Second},
		Certificate: Certificate{
			Warning: 21 * 24 * time.Hour, WarningShare: 0.25,
			Critical: 7 * 24 * time.Hour, CriticalShare: 0.1,
		},
		Limits:     Limits{Concurrency: 200, PerHost: 1, DNSQueriesPerSecond: 200, ConnectsPerSecond: 200},
		Modules:    builtinModules(),
		ProbeCache: time.Minute,
		loaded:     map[string]*[]entry{},
	}
}

// A parser reads one configuration.
type parser struct {
	cfg    *Config
	doc    *document // exporter.yml.
	opts   Options
	getenv func(string) string
	book   *book

	noTargets bool // A list of targets is there, and empty.
}

// targetKeys may stand in target files.
var targetKeys = []string{"domains", "servers", "senders"}

// everything reads exporter.yml and returns its targets. Sections come before those that refer to them.
func (p *parser) everything(root value) []entry {
	c := p.cfg
	m := root.mapping(append([]string{
		"helo_name", "resolver", "tls", "certificate", "blocklists", "limits", "modules", "target_files", "own_servers", "ignore", "severity",
		"alert_labels", "metrics", "catalog_files", "allow_addresses", "probe_allow", "probe_cache", "vantage",
	}, targetKeys...)...)
	m.at("helo_name", p.heloName)
	m.at("resolver", p.resolver)
	m.at("tls", p.tls)
	m.at("certificate", p.certificate)
	m.at("limits", p.limits)
	m.at("catalog_files", p.catalogFiles) // They say which blocklists there are.
	if m.has("blocklists") {
		m.at("blocklists", p.blocklists)
	} else {
		p.blocklists(value{doc: p.doc, node: nothing(1, 1)})
	}
	m.at("modules", p.modules)
	m.at("own_servers", func(v value) { c.OwnServers = readList(v, parsePattern) })
	m.at("ignore", p.ignore)
	m.at("severity", p.severity)
	m.at("alert_labels", func(v value) { c.AlertLabels = readList(v, parseLabelName) })
	m.at("metrics", p.metrics)
	m.at("allow_addresses", func(v value) { c.AllowAddresses = readList(v, parsePrefix) })
	m.at("probe_allow", func(v value) { c.ProbeAllow = readList(v, parsePattern) })
	m.at("probe_cache", func(v value) { readInto(v, &c.ProbeCache, durationFrom(0, 24*time.Hour)) })
	m.at("vantage", p.vantage)
	for _, key := range targetKeys {
		m.at(key, func(v value) { p.noTargets = p.noTargets || v.empty() && !v.isNull() })
	}
	m.at("target_files", func(v value) { c.TargetFiles = readList(v, p.doc.globUnder) })
	return p.entries(m, SourceConfig)
}

// targetFiles reads the target files. One that is bad harms only its own targets: those of its last good
// version stay.
func (p *parser) targetFiles() {
	for _, path := range expand(p.cfg.TargetFiles) {
		doc := &document{file: path, dir: filepath.Dir(path)}
		entries := p.targetFile(doc, path)
		if len(doc.errs) == 0 {
			p.book.add(doc, entries)
		}
		ok := len(doc.errs) == 0
		if !ok {
			entries = p.lastGood(path)
			p.book.keep(doc, entries)
			p.tellBad(doc, len(entries))
		}
		p.cfg.Files = append(p.cfg.Files, FileState{Path: path, OK: ok})
		p.cfg.loaded[path] = &entries
		p.cfg.Warnings = append(p.cfg.Warnings, doc.warnings...)
	}
}

// targetFile reads one target file.
func (p *parser) targetFile(doc *document, path string) []entry {
	text, err := readRegular(path)
	if err != nil {
		doc.fail(place{}, "the file cannot be read: "+reason(err))
		return nil
	}
	root, ok := doc.parse(text)
	if !ok {
		return nil
	}
	return p.entries(root.mapping(targetKeys...), SourceFile)
}

// lastGood returns the entries of a target file that are in force.
func (p *parser) lastGood(path string) []entry {
	if p.opts.Previous == nil || p.opts.Previous.loaded[path] == nil {
		return nil
	}
	return *p.opts.Previous.loaded[path]
}

// tellBad turns the mistakes of a target file into warnings.
func (p *parser) tellBad(doc *document, kept int) {
	for _, e := range doc.errs.sorted() {
		p.cfg.Warnings = append(p.cfg.Warnings, e.Error())
	}
	what := "none of its targets are probed"
	if kept > 0 {
		what = "the targets of its last good version stay"
	}
	p.cfg.Warnings = append(p.cfg.Warnings, fmt.Sprintf("%s: the file is not used: %s", doc.file, what))
}

// finish puts the targets together and looks at the whole.
func (p *parser) finish() {
	c := p.cfg
	c.Targets = p.book.link(c.Modules["sender"])
	c.byName = make(map[string]*Target, len(c.Targets))
	labels := map[string]bool{}
	for _, t := range c.Targets {
		c.byName[t.Name] = t
		for l := range t.Labels {
			labels[l] = true
		}
	}
	c.Warnings = append(p.doc.warnings, c.Warnings...)
	for _, l := range c.AlertLabels {
		if len(c.Targets) > 0 && !labels[l] {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s: alert_labels: no target has the label %s; %s", p.doc.file, l, nearest(l, sortedKeys(labels))))
		}
	}
	if len(c.Targets) == 0 {
		c.Warnings = append(c.Warnings, p.doc.file+": nothing is probed: there are no domains, servers or senders")
	}
	p.warnIdleRules()
	p.warnBusyLists()
}

// meant is nearest for names of targets, which may be too many to be told.
func meant(name string, names []string) string {
	if text := nearest(name, names); strings.HasPrefix(text, "did you mean") {
		return "; " + text
	}
	return ""
}

// maxIdleRules is how many rules that accept nothing are named: each is compared with the names of all targets.
const maxIdleRules = 20

// warnIdleRules tells of rules of ignore that name a target which is not there. One on port 25 may still be found by MX.
func (p *parser) warnIdleRules() {
	var names []string
	idle := 0
	for _, rule := range p.cfg.Ignore {
		t := rule.Target
		if strings.ContainsAny(t, "*?") || strings.HasSuffix(t, ":25") || t == string(KindVantage) || p.cfg.byName[t] != nil {
			continue
		}
		if idle++; idle > maxIdleRules {
			continue
		}
		if names == nil && len(p.cfg.byName) <= 10_000 { // Comparing with more takes too long.
			names = sortedKeys(p.cfg.byName)
		}
		p.cfg.Warnings = append(p.cfg.Warnings, fmt.Sprintf("%s: ignore: no target is called %s, so the rule for %s accepts nothing there; a server is called host:port%s",
			p.doc.file, t, rule.Problem, meant(t, names)))
	}
	if more := idle - maxIdleRules; more > 0 {
		p.cfg.Warnings = append(p.cfg.Warnings, fmt.Sprintf("%s: ignore: %d more rules name a target that is not there", p.doc.file, more))
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
