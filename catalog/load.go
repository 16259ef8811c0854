package catalog

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/netip"
	"path"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

//go:embed data
var data embed.FS

// Default returns the catalogue that the program was built with. That its files are well formed is for the tests to
// see to; should one not be, what could be read is there and the program runs.
var Default = sync.OnceValue(func() *Catalog {
	c, _ := read(data)
	return c
})

// A Catalog is everything that is known of replies, problems, providers and blocklists. It is never changed once it
// is made, and safe for concurrent use. What it returns must not be changed either.
type Catalog struct {
	problems   []Problem
	replies    []*Reply
	codes      []*ReplyCode
	enhanced   []*EnhancedCode
	conditions []*Condition
	topics     []*Topic
	services   []*MailService
	settings   []*Setting
	reading    Reading
	words      map[string][]string // Groups of words that patterns of replies ask for.
	denial     denialWords
	wins       map[Cause][]Cause // Of two causes in one reply, which one is the reason.
	providers  []*ProviderInfo
	groups     []Group
	lists      []*Blocklist
	resolvers  []resolver

	problemByID    map[string]Problem
	replyByID      map[string]*Reply
	listByID       map[string]*Blocklist
	providerByID   map[string]*ProviderInfo
	providerOf     map[string]string // From the suffix of a host's name to the provider's id.
	providerOfCode map[string]string // From an enhanced code to the only provider that uses it.
	topicByID      map[string]*Topic
	entryList      []Entry
	entries        map[[2]string]Entry // By kind and id.
	search         func() *searchIndex // Made when first asked for: few programs are asked questions.
	known          map[string]bool     // Enhanced codes, as subject.detail.
	classifier     *classifier
	own            map[*Reply]bool // Entries that the operator wrote.
}

// A resolver is one that anybody may ask.
type resolver struct {
	ID       string
	Prefixes []netip.Prefix
}

// read loads all files. The error tells of everything that is wrong in them.
func read(files fs.FS) (*Catalog, error) {
	c := &Catalog{}
	var errs []error
	load := func(name string, into any) { errs = append(errs, decode(files, name, into)) }

	errs = append(errs, c.readProblems(files))
	var codes struct{ Codes []*ReplyCode }
	load("data/codes.yml", &codes)
	c.codes = codes.Codes
	var enhanced struct{ Enhanced []*EnhancedCode }
	load("data/enhanced.yml", &enhanced)
	c.enhanced = enhanced.Enhanced
	var conditions struct{ Conditions []*Condition }
	load("data/conditions.yml", &conditions)
	c.conditions = conditions.Conditions
	var topics struct{ Topics []*Topic }
	load("data/topics.yml", &topics)
	c.topics = topics.Topics
	var services struct {
		Services []*MailService `yaml:"mail_services"`
	}
	load("data/mailservices.yml", &services)
	c.services = services.Services
	var settings struct{ Programs []*Setting }
	load("data/programs.yml", &settings)
	c.settings = settings.Programs
	load("data/reading.yml", &c.reading)
	var words struct {
		Words  map[string][]string
		Denial denialWords
		Wins   map[Cause][]Cause
	}
	load("data/words.yml", &words)
	c.words, c.denial, c.wins = words.Words, words.Denial, words.Wins
	var providers struct{ Providers []*ProviderInfo }
	load("data/providers.yml", &providers)
	c.providers = providers.Providers
	var lists struct {
		Groups     []Group
		Blocklists []*Blocklist
	}
	load("data/blocklists.yml", &lists)
	c.groups, c.lists = lists.Groups, lists.Blocklists
	var resolvers struct{ Resolvers []resolver }
	load("data/resolvers.yml", &resolvers)
	c.resolvers = resolvers.Resolvers

	names, err := fs.Glob(files, "data/replies/*.yml")
	errs = append(errs, err)
	for _, name := range names { // Sorted, so that the order of entries is always the same.
		var replies struct{ Replies []*Reply }
		load(name, &replies)
		c.replies = append(c.replies, replies.Replies...)
	}
	errs = append(errs, c.index())
	return c, errors.Join(errs...)
}

// problemFiles are the files below data/problems, a check each, in the order of the documentation.
var problemFiles = []string{
	"smtp", "recipient", "auth", "relay", "dane", "rdns", "mx", "spf", "dkim", "dmarc", "dnssec", "mta_sts", "tls_rpt", "bimi",
	"bulk", "dnsbl", "vantage",
}

// readProblems loads the problems of all checks.
func (c *Catalog) readProblems(files fs.FS) error {
	names, err := fs.Glob(files, "data/problems/*.yml")
	errs := []error{err}
	for _, name := range names {
		if !slices.Contains(problemFiles, strings.TrimSuffix(path.Base(name), ".yml")) {
			errs = append(errs, fmt.Errorf("%s: there is no such check", name))
		}
	}
	for _, check := range problemFiles {
		name := "data/problems/" + check + ".yml"
		if !slices.Contains(names, name) {
			continue
		}
		var problems struct{ Problems []Problem }
		errs = append(errs, decode(files, name, &problems))
		c.problems = append(c.problems, problems.Problems...)
	}
	return errors.Join(errs...)
}

// With returns a catalogue with an operator's own entries before those of c. An entry with the id of another takes its place,
// and among the entries that match a reply the operator's own come first, whatever they match it by. The error tells of every
// entry of the operator's that is incomplete or contradicts another of his.
func (c *Catalog) With(replies []*Reply, lists []*Blocklist) (*Catalog, error) {
	n := *c
	n.own = map[*Reply]bool{}
	for _, r := range replies {
		n.own[r] = true
	}
	n.replies = slices.Concat(replies, slices.DeleteFunc(slices.Clone(c.replies), func(o *Reply) bool {
		return slices.ContainsFunc(replies, func(r *Reply) bool { return r.ID == o.ID })
	}))
	n.lists = slices.Concat(lists, slices.DeleteFunc(slices.Clone(c.lists), func(o *Blocklist) bool {
		return slices.ContainsFunc(lists, func(b *Blocklist) bool { return b.ID == o.ID })
	}))
	if err := n.index(); err != nil {
		return nil, err
	}
	mine := Catalog{replies: replies, lists: lists, groups: n.groups, settings: n.settings}
	if err := mine.validate(); err != nil {
		return nil, err
	}
	return &n, nil
}

// decode reads a file of one YAML document that holds nothing but what into has a place for.
func decode(files fs.FS, name string, into any) error {
	f, err := files.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := d.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: there is something after the first document", name)
	}
	return nil
}

// index makes what is looked up from what was read. The error tells of ids that stand twice, of what leads
// nowhere, and of entries that contradict each other. Empty items are dropped.
func (c *Catalog) index() error {
	var errs []error
	c.problemByID = map[string]Problem{}
	for _, p := range c.problems {
		if _, twice := c.problemByID[p.ID]; twice {
			errs = append(errs, fmt.Errorf("problem %s stands twice", p.ID))
		}
		c.problemByID[p.ID] = p
	}
	var err error
	c.listByID, err = byID(&c.lists, "blocklist", func(b *Blocklist) string { return b.ID })
	errs = append(errs, err)
	c.replyByID, err = byID(&c.replies, "reply", func(r *Reply) string { return r.ID })
	errs = append(errs, err)
	c.providerByID, err = byID(&c.providers, "provider", func(p *ProviderInfo) string { return p.ID })
	errs = append(errs, err)
	_, err = byID(&c.enhanced, "enhanced code", func(e *EnhancedCode) string { return e.Detail })
	errs = append(errs, err)
	_, err = byID(&c.conditions, "condition", func(e *Condition) string { return e.ID })
	errs = append(errs, err)
	c.topicByID, err = byID(&c.topics, "topic", func(t *Topic) string { return t.ID })
	errs = append(errs, err)
	_, err = byID(&c.services, "mail service", func(s *MailService) string { return s.ID })
	errs = append(errs, err)
	_, err = byID(&c.settings, "setting", func(s *Setting) string { return s.ID })
	errs = append(errs, err)
	_, err = byID(&c.codes, "code", func(e *ReplyCode) string { return threeDigits(e.Code) })
	errs = append(errs, err)

	c.providerOf = map[string]string{}
	for _, p := range c.providers {
		for _, host := range p.Hosts {
			if other := c.providerOf[host]; other != "" {
				errs = append(errs, fmt.Errorf("host %s belongs to %s and %s", host, other, p.ID))
			}
			c.providerOf[host] = p.ID
		}
	}
	c.providerOfCode = map[string]string{}
	for _, p := range c.providers {
		codes, err := expand(p.Codes)
		if err != nil {
			errs = append(errs, fmt.Errorf("provider %s: %w", p.ID, err))
		}
		for _, code := range codes {
			c.providerOfCode[code] = p.ID
		}
	}
	for _, r := range c.replies {
		expanded, err := expand(r.Match.Enhanced)
		if err != nil {
			errs = append(errs, fmt.Errorf("reply %s: %w", r.ID, err))
		}
		r.Match.Enhanced = expanded
		if r.Provider != "" && c.providerByID[r.Provider] == nil {
			errs = append(errs, fmt.Errorf("reply %s: there is no provider %s", r.ID, r.Provider))
		}
	}
	c.known = map[string]bool{}
	for _, e := range c.enhanced {
		c.known[e.Detail] = true
	}
	for _, r := range c.replies {
		for _, code := range r.Match.Enhanced {
			_, detail, _ := strings.Cut(code, ".")
			c.known[detail] = true
		}
	}
	c.entryList, c.entries = c.Entries(), map[[2]string]Entry{}
	for _, e := range c.entryList {
		c.entries[[2]string{e.Kind, e.ID}] = e
	}
	c.search = sync.OnceValue(func() *searchIndex {
		x, _ := newSearchIndex(c) // The error is for validate to see.
		return x
	})
	c.classifier, err = newClassifier(c)
	return errors.Join(append(errs, err)...)
}

// byID indexes entries, dropping nil ones. The error tells of ids that stand twice.
func byID[T any](entries *[]*T, what string, id func(*T) string) (map[string]*T, error) {
	var errs []error
	*entries = slices.DeleteFunc(*entries, func(e *T) bool { return e == nil })
	out := make(map[string]*T, len(*entries))
	for _, e := range *entries {
		if out[id(e)] != nil {
			errs = append(errs, fmt.Errorf("%s %s stands twice", what, id(e)))
		}
		out[id(e)] = e
	}
	return out, errors.Join(errs...)
}

// parents gives a host's name, in lower case without a trailing dot, and then every name above it.
func parents(host string) iter.Seq[string] {
	return func(yield func(string) bool) {
		name := strings.ToLower(strings.TrimSuffix(host, "."))
		for more := name != ""; more; _, name, more = strings.Cut(name, ".") {
			if !yield(name) {
				return
			}
		}
	}
}
