package catalog

import (
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// A Blocklist is a DNS list of addresses or names (RFC 5782).
type Blocklist struct {
	ID    string   `yaml:"id"`    // Public name: the label list, and what exporter.yml says.
	Zone  string   `yaml:"zone"`  // Without a trailing dot. "" if there is none for those without a key.
	Kinds []string `yaml:"kinds"` // What may be asked about: ipv4, ipv6, domain.
	// Registered says that of a name only the domain that was registered may be asked about.
	Registered bool `yaml:"registered"`
	// KeyName, where there is one, is the name in exporter.yml (blocklists.keys) of the operator's
	// key, which several lists of one maker may share. With a key KeyedZone is asked in place of Zone, "{key}"
	// in it standing for the key; the list stays the same one, under the same id.
	KeyName   string `yaml:"key"`
	KeyedZone string `yaml:"keyed_zone"`
	// Codes says what each answer means that is a listing, Good which answers are a good word.
	Codes map[string]Code `yaml:"codes"`
	Good  map[string]Code `yaml:"good"`
	// Bits, where the answer's last octet is a mask, gives each bit's meaning; then Codes is empty.
	Bits map[uint8]Code `yaml:"bits"`
	// Refusals are answers that say that the list does not serve us (127.255.255.0/24 always does).
	Refusals []string `yaml:"refusals"`
	// MustList and MustNotList are domains or addresses that override RFC 5782 section 5; NoTest says
	// that the list is known to have no test point.
	MustList      string   `yaml:"must_list"`
	MustNotList   string   `yaml:"must_not_list"`
	NoTest        bool     `yaml:"no_test"`
	Groups        []string `yaml:"groups"`
	Registration  string   `yaml:"registration"`    // Where the resolver must be registered first; "": nowhere.
	QueriesPerDay int      `yaml:"queries_per_day"` // 0: no published limit.
	Names         []string `yaml:"names"`           // Phrases by which the text of a rejection names the list.
	Scope         string   `yaml:"scope"`           // Whom one listing hits: address, range, provider or domain.

	// For people.
	Title      Text     `yaml:"title"`
	Lists      Text     `yaml:"lists"`   // What it lists, who uses it, and how much that matters.
	Terms      Text     `yaml:"terms"`   // What its operator allows.
	Removal    Removal  `yaml:"removal"` // How one gets off it, and how long listings last.
	Page       string   `yaml:"page"`    // Its page about one listing, with {subject} for what is listed; "" if there is none of a known address.
	Causes     []Text   `yaml:"causes"`
	Remedies   []Remedy `yaml:"remedies"`
	References []string `yaml:"references"`
	Dead       *End     `yaml:"dead"` // The list is dead; naming it in exporter.yml is an error. nil: it lives.
}

// PageOf is the list's page about a subject, or else about removal; "" if there is none.
func (b *Blocklist) PageOf(subject string) string {
	if b.Page == "" {
		return b.Removal.URL
	}
	return strings.ReplaceAll(b.Page, "{subject}", url.QueryEscape(subject))
}

// Name is what the title has before a colon, in English, as most lists have the same name in every language; the id where it has none.
func (b *Blocklist) Name() string {
	if name, _, ok := strings.Cut(b.Title.EN, ":"); ok {
		return name
	}
	return b.ID
}

// CodeOf is the meaning of one answer, of a mask that of its one bit.
func (b *Blocklist) CodeOf(answer string) (Code, bool) {
	code, ok := b.Codes[answer]
	if !ok && len(b.Bits) > 0 {
		if a, err := netip.ParseAddr(answer); err == nil && a.Is4() {
			code, ok = b.Bits[a.As4()[3]]
		}
	}
	return code, ok
}

// Removal says how one gets off a list.
type Removal struct {
	URL  string `yaml:"url"` // "" where nobody can be asked.
	Text `yaml:",inline"`
}

// An End says since when a list is dead and how it ended.
type End struct {
	Since string `yaml:"since"` // A year, or a date such as 2024-06-05; "" where it is not known.
	Text  `yaml:",inline"`
}

// String says it in English, to be read after "dead".
func (e *End) String() string {
	if e.Since == "" {
		return e.EN
	}
	return "since " + e.Since + ": " + e.EN
}

// NeedsKey reports whether the list cannot be asked without the operator's key.
func (b *Blocklist) NeedsKey() bool {
	return b.Dead == nil && (b.Zone == "" || strings.Contains(b.Zone, keyPlace))
}

// AskedZone is the zone to ask, without a trailing dot, given the operator's key; "" as key
// means that he has none. A zone with a key in it is secret.
func (b *Blocklist) AskedZone(key string) string {
	zone := b.Zone
	if key != "" && b.KeyedZone != "" {
		zone = b.KeyedZone
	}
	return strings.ReplaceAll(zone, keyPlace, key)
}

// whitelists is the group of lists that say a good word.
const whitelists = "whitelists"

// keyPlace stands in a zone where the operator's key belongs.
const keyPlace = "{key}"

// A Code is the meaning of one answer.
type Code struct {
	Meaning  string   `yaml:"meaning"`  // One lower-case word or several joined by _; a label.
	Severity Severity `yaml:"severity"` // Of a listing, for an address that sends mail, or a mail domain.
	NonMTA   Severity `yaml:"non_mta"`  // For an address that does not send; "" means info.
	Text     Text     `yaml:"text"`     // The same in a sentence for people.
}

// WithZones returns a catalogue that knows lists of the operator's own, too, which have no texts but a title. They come last.
func (c *Catalog) WithZones(lists []*Blocklist) *Catalog {
	n := *c
	n.lists = slices.Concat(c.lists, lists)
	n.listByID = maps.Clone(c.listByID)
	for _, b := range lists {
		n.listByID[b.ID] = b
	}
	return &n
}

// Blocklists returns every list, dead ones included, in the order of the documentation.
// The lists must not be changed.
func (c *Catalog) Blocklists() []*Blocklist { return slices.Clone(c.lists) }

// BlocklistByID looks a list up, dead ones included.
func (c *Catalog) BlocklistByID(id string) (*Blocklist, bool) {
	b, ok := c.listByID[id]
	return b, ok
}

// A Group is a name for several lists in exporter.yml.
type Group struct {
	ID   string `yaml:"id"`
	Help Text   `yaml:"help"` // What is in it, in one sentence.
}

// Groups returns the groups that lists may be in, in the order of the documentation.
func (c *Catalog) Groups() []Group { return slices.Clone(c.groups) }

// InGroup returns the lists of a group, which may be none; ok is false if there is no such group.
func (c *Catalog) InGroup(group string) (lists []*Blocklist, ok bool) {
	for _, b := range c.lists {
		if slices.Contains(b.Groups, group) {
			lists = append(lists, b)
		}
	}
	return lists, slices.ContainsFunc(c.groups, func(g Group) bool { return g.ID == group })
}

// KeyNames returns the names that keys may have in exporter.yml, sorted.
func (c *Catalog) KeyNames() []string {
	var names []string
	for _, b := range c.lists {
		if b.KeyName != "" {
			names = append(names, b.KeyName)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// DeadZone returns the dead list that a zone belongs to, if there is one, so that a zone of the
// operator's own making is not one that died long ago.
func (c *Catalog) DeadZone(zone string) (*Blocklist, bool) {
	for name := range parents(zone) {
		for _, b := range c.lists {
			if b.Dead != nil && b.Zone == name {
				return b, true
			}
		}
	}
	return nil, false
}
