package collector

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// ValuesOf returns what remedies may name of a problem that stands on the target: what its findings saw, each once, with what
// is known of the target. There is at least one.
func (s *Snapshot) ValuesOf(p Problem) []catalog.Values {
	known := valuesOf(s.Target)
	var out []catalog.Values
	for _, v := range p.Values {
		v = known.With(v)
		if !slices.ContainsFunc(out, func(o catalog.Values) bool { return maps.Equal(o, v) }) {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		out = append(out, known)
	}
	return out
}

// valuesOf returns what remedies may name of a target whatever a check saw.
func valuesOf(t *targets.Target) catalog.Values {
	v := catalog.Values{catalog.ValueTarget: t.Name}
	switch {
	case t.Domain != nil:
		v[catalog.ValueDomain] = t.Name
		if len(t.Domain.DKIMSelectors) == 1 {
			v[catalog.ValueSelector] = t.Domain.DKIMSelectors[0]
		}
	case t.Server != nil:
		v = v.With(checks.ServerValues(t.Server, netip.Addr{}))
	case t.Sender != nil:
		v[catalog.ValueHost] = t.Sender.Host
		v[catalog.ValueHelo] = t.Sender.HeloName
		v[catalog.ValueSender] = t.Name
		if t.Sender.Addr.IsValid() {
			v[catalog.ValueAddress] = t.Sender.Addr.String()
		}
	}
	return v
}
