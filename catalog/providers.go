package catalog

import (
	"net/netip"
	"slices"
)

// A ProviderInfo is one who runs mail for others.
type ProviderInfo struct {
	ID     string   `yaml:"id"`
	Name   Text     `yaml:"name"`
	Hosts  []string `yaml:"hosts"`  // Names of its mail hosts, each for itself and all below it.
	Banner []string `yaml:"banner"` // Phrases of its servers' greeting.
	Text   []string `yaml:"text"`   // Phrases of its replies that nobody else uses.
	Codes  []string `yaml:"codes"`  // Enhanced codes, and ranges of them, that nobody else uses.
}

// Providers returns all providers in the order of the documentation.
func (c *Catalog) Providers() []*ProviderInfo { return slices.Clone(c.providers) }

// ProviderByID looks a provider up; nil if there is none.
func (c *Catalog) ProviderByID(id string) *ProviderInfo { return c.providerByID[id] }

// Provider names the provider that runs the mail host ("google", "microsoft", ...), by the
// names that providers give to the hosts in their customers' MX records. ok is false for a
// host of nobody the catalogue knows.
func (c *Catalog) Provider(host string) (id string, ok bool) {
	for name := range parents(host) {
		if id, ok = c.providerOf[name]; ok {
			return id, true
		}
	}
	return "", false
}

// Provider is that of the Default catalogue.
func Provider(host string) (id string, ok bool) { return Default().Provider(host) }

// PublicResolver names the operator of a resolver that anybody may ask ("google", "quad9", ...). ok is false
// for an address at which the catalogue knows of none.
func PublicResolver(addr netip.Addr) (id string, ok bool) {
	for _, r := range Default().resolvers {
		for _, p := range r.Prefixes {
			if p.Contains(addr.Unmap().WithZone("")) {
				return r.ID, true
			}
		}
	}
	return "", false
}
