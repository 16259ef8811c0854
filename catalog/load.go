package catalog

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/netip"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

//go:embed data/*.yml
var data embed.FS

// builtin is what the program was built with. That the files are well formed is for the tests to
// see to; should one not be, what could be read is there and the program runs.
var builtin = sync.OnceValue(func() *contents {
	c, _ := read(data)
	return c
})

// The contents of the catalogue.
type contents struct {
	problems    []Problem
	problemByID map[string]Problem
	groups      []Group
	lists       []*Blocklist
	listByID    map[string]*Blocklist
	providers   map[string]string // From the suffix of a host's name.
	enhanced    map[string]bool   // By subject.detail.
	resolvers   []resolver
}

// A resolver is one that anybody may ask.
type resolver struct {
	ID       string
	Prefixes []netip.Prefix
}

// read loads all files. The error tells of every file that is malformed.
func read(files fs.FS) (*contents, error) {
	c := &contents{problemByID: map[string]Problem{}, listByID: map[string]*Blocklist{}, providers: map[string]string{}}
	var errs []error

	problems, err := decode[struct{ Problems []Problem }](files, "data/problems.yml")
	errs = append(errs, err)
	c.problems = problems.Problems
	for _, p := range c.problems {
		if _, twice := c.problemByID[p.ID]; twice {
			errs = append(errs, fmt.Errorf("problem %s stands twice", p.ID))
		}
		c.problemByID[p.ID] = p
	}

	lists, err := decode[struct {
		Groups []Group
		Lists  []*Blocklist
	}](files, "data/blocklists.yml")
	errs = append(errs, err)
	c.groups = lists.Groups
	for _, b := range lists.Lists {
		if b == nil {
			continue // An empty item; decode cannot tell it from none.
		}
		if c.listByID[b.ID] != nil {
			errs = append(errs, fmt.Errorf("blocklist %s stands twice", b.ID))
		}
		c.lists = append(c.lists, b)
		c.listByID[b.ID] = b
	}

	providers, err := decode[struct {
		Providers []struct {
			ID    string
			Hosts []string
		}
	}](files, "data/providers.yml")
	errs = append(errs, err)
	for _, p := range providers.Providers {
		for _, host := range p.Hosts {
			if other := c.providers[host]; other != "" {
				errs = append(errs, fmt.Errorf("host %s belongs to %s and %s", host, other, p.ID))
			}
			c.providers[host] = p.ID
		}
	}

	codes, err := decode[enhancedFile](files, "data/enhanced.yml")
	errs = append(errs, err)
	c.enhanced, err = codes.codes()
	errs = append(errs, err)

	resolvers, err := decode[struct{ Resolvers []resolver }](files, "data/resolvers.yml")
	errs = append(errs, err)
	c.resolvers = resolvers.Resolvers
	return c, errors.Join(errs...)
}

// decode reads a file of one YAML document that holds nothing but what T has a place for.
func decode[T any](files fs.FS, name string) (v T, err error) {
	f, err := files.Open(name)
	if err != nil {
		return v, err
	}
	defer f.Close()
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	if err := d.Decode(&v); err != nil {
		return v, fmt.Errorf("%s: %w", name, err)
	}
	if err := d.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return v, fmt.Errorf("%s: there is something after the first document", name)
	}
	return v, nil
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
