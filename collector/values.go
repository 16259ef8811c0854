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
	foreign := foreignTo(s.Target, p)
	if foreign != "" {
		known[catalog.ValueForeign] = foreign
	}
	var out []catalog.Values
	for _, v := range p.Values {
		v = known.With(v)
		if foreign != "" {
			delete(v, catalog.ValueRecord) // It would have to be published in the provider's zone.
		}
		if !slices.ContainsFunc(out, func(o catalog.Values) bool { return maps.Equal(o, v) }) {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		out = append(out, known)
	}
	return out
}

// foreignTo returns the name of the provider who alone can fix a problem of its server, or "". That an MX record names a host without a
// usable address is for the domain's owner to fix.
func foreignTo(t *targets.Target, p Problem) string {
	problem, ok := catalog.ProblemByID(p.ID)
	if !t.Foreign || t.Server == nil || !ok || problem.Check == "smtp" && problem.Who == catalog.WhoDNS {
		return ""
	}
	id, _ := catalog.Provider(t.Server.Host)
	if info := catalog.Default().ProviderByID(id); info != nil {
		return info.Name.EN
	}
	return t.Server.Host
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
