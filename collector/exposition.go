package collector

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
)

// namespace is what every metric's name starts with.
const namespace = "mailprobe_"

// maxSeries is how many series one target may have. The budget is 60 for an address; this
// guards against a mistake of ours, not against a big site.
const maxSeries = 2000

// An exposition turns samples into series. Labels and values of a verdict are made ready
// once, when it is reached, and shared where they are equal; a scrape only wraps them.
type exposition struct {
	families []*family
	byName   map[string]int32
	seed     maphash.Seed
	dropped  atomic.Uint64
	bug      func(what string)

	mu     sync.Mutex
	shared map[labelPair]*dto.LabelPair
}

// A family is a metric with its labels in the order in which they are written.
type family struct {
	metric *checks.Metric
	name   string
	order  []place // Sorted by label name.
	global bool
}

// A place says which of a sample's labels comes next; -1 is the target.
type place struct {
	label string
	value int
}

type labelPair struct{ name, value string }

// A block is a run of series, never changed once it is in a snapshot.
type block struct {
	pairs  []*dto.LabelPair // Of all series, one after the other.
	series []series
}

// A series is one sample, compact: ten thousand servers have 600,000 of them.
type series struct {
	value  float64
	hash   uint64 // Of name and labels.
	family int32
	end    int32 // Its pairs end here and begin where those of the one before end.
}

func newExposition(list []*checks.Check, bug func(string)) *exposition {
	e := &exposition{byName: map[string]int32{}, seed: maphash.MakeSeed(), bug: bug, shared: map[labelPair]*dto.LabelPair{}}
	for _, c := range list {
		for _, m := range c.Metrics {
			e.declare(m)
		}
	}
	for _, m := range snapshotMetrics {
		e.declare(m)
	}
	return e
}

// declare makes a metric known. Several checks may emit the same one.
func (e *exposition) declare(m *checks.Metric) {
	if _, ok := e.byName[m.Name]; ok {
		return
	}
	f := &family{metric: m, name: namespace + m.Name, global: m.Global}
	for i, l := range m.Labels {
		f.order = append(f.order, place{l, i})
	}
	if !m.Global {
		f.order = append(f.order, place{"target", -1})
	}
	slices.SortFunc(f.order, func(a, b place) int { return strings.Compare(a.label, b.label) })
	e.byName[m.Name] = int32(len(e.families))
	e.families = append(e.families, f)
}

// A renderer makes the series of one target in one run.
type renderer struct {
	*exposition
	target string
	local  map[labelPair]*dto.LabelPair
}

func (e *exposition) renderer(st *state) *renderer {
	return &renderer{e, st.name, map[labelPair]*dto.LabelPair{{"target", st.name}: st.pair}}
}

// part renders what a check saw of one thing.
func (r *renderer) part(p *checks.Part) *block {
	pairs := 0
	for _, s := range p.Samples {
		pairs += len(s.Labels) + 1
	}
	// Exactly as much as is needed, for it is kept.
	b := &block{make([]*dto.LabelPair, 0, pairs), make([]series, 0, len(p.Samples))}
	for _, s := range p.Samples {
		r.add(b, s.Metric, s.Value, s.Labels, nil)
	}
	return b
}

// add appends a series, or drops it where it would spoil the whole response. extra are
// labels that the operator named.
func (r *renderer) add(b *block, m *checks.Metric, value float64, labels []string, extra map[string]string) {
	i, ok := r.byName[m.Name]
	if !ok || len(labels) != len(r.families[i].metric.Labels) {
		r.drop("metric " + m.Name + " is not declared as it is used")
		return
	}
	order := r.families[i].order
	first := len(b.pairs)
	for _, p := range order {
		v := r.target
		if p.value >= 0 {
			v = labels[p.value]
		}
		if !utf8.ValidString(v) {
			b.pairs = b.pairs[:first]
			r.drop("label " + p.label + " of metric " + m.Name + " is not UTF-8")
			return
		}
		b.pairs = append(b.pairs, r.pair(p.label, v))
	}
	for name, v := range extra {
		clash := slices.ContainsFunc(order, func(p place) bool { return p.label == name })
		if clash || v == "" || !model.LegacyValidation.IsValidLabelName(name) || !utf8.ValidString(v) {
			continue
		}
		b.pairs = append(b.pairs, r.pair(name, v))
	}
	own := b.pairs[first:]
	if len(extra) > 0 {
		slices.SortFunc(own, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
	}
	b.series = append(b.series, series{value: value, hash: r.hash(i, own), family: i, end: int32(len(b.pairs))})
}

// value returns that of a metric's first series in a block, which may be nil.
func (e *exposition) value(b *block, m *checks.Metric) (v float64, ok bool) {
	i, declared := e.byName[m.Name]
	if b == nil || !declared {
		return 0, false
	}
	at := slices.IndexFunc(b.series, func(s series) bool { return s.family == i })
	if at < 0 {
		return 0, false
	}
	return b.series[at].value, true
}

func (e *exposition) drop(why string) {
	e.dropped.Add(1)
	e.bug(why)
}

// hash identifies a series.
func (e *exposition) hash(family int32, pairs []*dto.LabelPair) uint64 {
	var h maphash.Hash
	h.SetSeed(e.seed)
	h.WriteString(e.families[family].name)
	for _, p := range pairs {
		h.WriteByte(0xff) // Not in UTF-8.
		h.WriteString(p.GetName())
		h.WriteByte(0xff)
		h.WriteString(p.GetValue())
	}
	return h.Sum64()
}

// names are the labels whose values are as many as there are targets; all others come
// from closed sets and are shared by all targets.
var names = map[string]bool{"target": true, "address": true, "server": true, "sender": true, "name": true, "subject": true, "selector": true, "fingerprint_sha256": true}

// maxShared bounds the shared labels, should a set not be as closed as thought.
const maxShared = 4096

// pair returns a label, made once for a run or once for all.
func (r *renderer) pair(name, value string) *dto.LabelPair {
	key := labelPair{name, value}
	if !names[name] {
		return r.sharedPair(key)
	}
	p := r.local[key]
	if p == nil {
		p = newPair(key)
		r.local[labelPair{p.GetName(), p.GetValue()}] = p
	}
	return p
}

func (e *exposition) sharedPair(key labelPair) *dto.LabelPair {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.shared[key]
	if p == nil {
		p = newPair(key)
		if len(e.shared) < maxShared {
			e.shared[labelPair{p.GetName(), p.GetValue()}] = p
		}
	}
	return p
}

func newPair(key labelPair) *dto.LabelPair {
	value := strings.Clone(key.value) // It may be a piece of something long.
	return &dto.LabelPair{Name: &key.name, Value: &value}
}

// blocks calls f for every block of a snapshot.
func (s *Snapshot) blocks(f func(*block)) {
	f(s.own)
	for _, c := range s.Checks {
		for _, p := range c.Parts {
			if p.block != nil {
				f(p.block)
			}
		}
	}
}

// keepUnique drops from what a run rendered the series that are there already, in it or in
// what other checks know: a series that comes twice would cost the whole response. It also keeps
// a target within maxSeries. fresh blocks are not shared with anybody yet.
func (e *exposition) keepUnique(fresh []*block, others []*block) {
	most := 0
	for _, b := range slices.Concat(fresh, others) {
		if b != nil {
			most += len(b.series)
		}
	}
	seen := make(map[uint64]bool, most)
	for _, b := range others {
		if b == nil {
			continue // Nothing is known of that thing.
		}
		for i := range b.series {
			seen[b.series[i].hash] = true
		}
	}
	for _, b := range fresh {
		kept := block{b.pairs[:0], b.series[:0]} // In the same place: what is kept never outruns what is read.
		begin := int32(0)
		for _, s := range b.series {
			pairs := b.pairs[begin:s.end]
			begin = s.end
			switch {
			case seen[s.hash]:
				e.drop("metric " + e.families[s.family].name + ": a series comes twice")
				continue
			case len(seen) >= maxSeries:
				e.drop("a target has too many series")
				continue
			}
			seen[s.hash] = true
			kept.pairs = append(kept.pairs, pairs...)
			s.end = int32(len(kept.pairs))
			kept.series = append(kept.series, s)
		}
		*b = kept
	}
}

// slab is how many structures a scrape allocates at once.
const slab = 256

// gather wraps the series of all snapshots into families, in the order of the snapshots.
// Labels and values are shared with the snapshots, and the rest is allocated in slabs: small ones, because large ones find no
// room among what is kept, and memory would grow by all of them.
func (e *exposition) gather(snapshots []*Snapshot, excluded map[string]bool) (families []*dto.MetricFamily, total int) {
	count := make([]int, len(e.families))
	for _, s := range snapshots {
		s.blocks(func(b *block) {
			for i := range b.series {
				count[b.series[i].family]++
			}
		})
	}
	metrics, slabs := make([][]*dto.Metric, len(e.families)), make([][]dto.Metric, len(e.families))
	for i, f := range e.families {
		if excluded[f.metric.Name] {
			continue
		}
		metrics[i] = make([]*dto.Metric, 0, count[i])
	}
	var gauges []dto.Gauge
	one, zero := &dto.Gauge{Value: new(1.0)}, &dto.Gauge{Value: new(0.0)}
	global := map[uint64]bool{}
	for _, s := range snapshots {
		s.blocks(func(b *block) {
			begin := int32(0)
			for i := range b.series {
				s := &b.series[i]
				pairs := b.pairs[begin:s.end:s.end]
				begin = s.end
				list := metrics[s.family]
				if list == nil || e.families[s.family].global && global[s.hash] {
					continue
				}
				if e.families[s.family].global {
					global[s.hash] = true
				}
				if len(slabs[s.family]) == 0 {
					slabs[s.family] = make([]dto.Metric, min(slab, cap(list)-len(list)))
				}
				m := &slabs[s.family][0]
				slabs[s.family] = slabs[s.family][1:]
				m.Label = pairs
				switch s.value {
				case 1:
					m.Gauge = one
				case 0:
					m.Gauge = zero
				default:
					if len(gauges) == 0 {
						gauges = make([]dto.Gauge, slab)
					}
					gauges[0].Value = &s.value
					m.Gauge, gauges = &gauges[0], gauges[1:]
				}
				metrics[s.family] = append(list, m)
			}
		})
	}
	for i, f := range e.families {
		if len(metrics[i]) == 0 {
			continue
		}
		total += len(metrics[i])
		families = append(families, &dto.MetricFamily{Name: &f.name, Help: &f.metric.Help, Type: dto.MetricType_GAUGE.Enum(), Metric: metrics[i]})
	}
	return families, total
}
