package catalog

import (
	"slices"
	"strings"
)

// A Blocklist is a DNS list of addresses or names (RFC 5782).
type Blocklist struct {
	ID    string   `yaml:"id"`    // Public name: the label list, and what exporter.yml says.
	Zone  string   `yaml:"zone"`  // Without a trailing dot. "" if there is none for those without a key.
	Kinds []string `yaml:"kinds"` // What may be asked about: ipv4, ipv6, domain.
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
	Removal       string   `yaml:"removal"`         // Address of a page, for people.
	Registration  string   `yaml:"registration"`    // Where the resolver must be registered first; "": nowhere.
	Terms         string   `yaml:"terms"`           // What its operator allows.
	QueriesPerDay int      `yaml:"queries_per_day"` // 0: no published limit.
	Dead          string   `yaml:"dead"`            // What to say after "dead since"; naming a dead list is an error. "": it lives.
}

// NeedsKey reports whether the list cannot be asked without the operator's key.
func (b *Blocklist) NeedsKey() bool {
	return b.Dead == "" && (b.Zone == "" || strings.Contains(b.Zone, keyPlace))
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

// keyPlace stands in a zone where the operator's key belongs.
const keyPlace = "{key}"

// A Code is the meaning of one answer.
type Code struct {
	Meaning  string   `yaml:"meaning"`  // One lower-case word or several joined by _; a label.
	Severity Severity `yaml:"severity"` // Of a listing, for an address that sends mail, or a mail domain.
	NonMTA   Severity `yaml:"non_mta"`  // For an address that does not send; "" means info.
}

// Blocklists returns every list, dead ones included, in the order of the documentation.
// The lists must not be changed.
func Blocklists() []*Blocklist { return slices.Clone(builtin().lists) }

// BlocklistByID looks a list up, dead ones included.
func BlocklistByID(id string) (*Blocklist, bool) {
	b, ok := builtin().listByID[id]
	return b, ok
}

// A Group is a name for several lists in exporter.yml.
type Group struct {
	ID   string `yaml:"id"`
	Help string `yaml:"help"` // What is in it, in one sentence.
}

// Groups returns the groups that lists may be in, in the order of the documentation.
func Groups() []Group { return slices.Clone(builtin().groups) }

// InGroup returns the lists of a group, which may be none; ok is false if there is no such group.
func InGroup(group string) (lists []*Blocklist, ok bool) {
	for _, b := range builtin().lists {
		if slices.Contains(b.Groups, group) {
			lists = append(lists, b)
		}
	}
	return lists, slices.ContainsFunc(builtin().groups, func(g Group) bool { return g.ID == group })
}

// KeyNames returns the names that keys may have in exporter.yml, sorted.
func KeyNames() []string {
	var names []string
	for _, b := range builtin().lists {
		if b.KeyName != "" {
			names = append(names, b.KeyName)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// DeadZone returns the dead list that a zone belongs to, if there is one, so that a zone of the
// operator's own making is not one that died long ago.
func DeadZone(zone string) (*Blocklist, bool) {
	for name := range parents(zone) {
		for _, b := range builtin().lists {
			if b.Dead != "" && b.Zone == name {
				return b, true
			}
		}
	}
	return nil, false
}
