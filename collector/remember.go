package collector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/storage"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// A line of the file is one of these. The first has saved and lists, and domains come before the servers that they lead to.
type line struct {
	Saved  time.Time    `json:"saved,omitzero"`
	Lists  string       `json:"lists,omitempty"` // Identity of all blocklists in use.
	Target *targetLine  `json:"target,omitempty"`
	Note   *checks.Note `json:"note,omitempty"`
}

// A targetLine is what is known of a target.
type targetLine struct {
	Name       string          `json:"name"`
	Identity   string          `json:"identity"` // Of its configuration.
	Exchangers []exchangerLine `json:"exchangers,omitempty"`
	Left       []leftLine      `json:"left_alone,omitempty"`
	Names      []nameLine      `json:"names,omitempty"`
	Checks     []checkLine     `json:"checks,omitempty"`
}

// An exchangerLine is an MX host.
type exchangerLine struct {
	Host      string       `json:"host"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
	Sends     bool         `json:"sends,omitempty"`
}

// A leftLine is an address that sent us away.
type leftLine struct {
	Address netip.Addr `json:"address"`
	Times   int        `json:"times"`
	Until   time.Time  `json:"until"`
}

// A nameLine is what a server called itself.
type nameLine struct {
	Address netip.Addr `json:"address"`
	Banner  string     `json:"banner,omitempty"`
	EHLO    string     `json:"ehlo,omitempty"`
}

// A checkLine is a CheckState.
type checkLine struct {
	Name           string     `json:"name"`
	LastRun        time.Time  `json:"last_run,omitzero"`
	LastConclusive time.Time  `json:"last_conclusive,omitzero"`
	Conclusive     bool       `json:"conclusive,omitempty"`
	Err            string     `json:"error,omitempty"`
	Parts          []partLine `json:"parts,omitempty"`
}

// A partLine is a PartState.
type partLine struct {
	checks.PartNote
	Reached time.Time `json:"reached,omitzero"`
	Until   time.Time `json:"until,omitzero"`
}

// writeDown writes everything that is known. Nothing is locked while the disk is waited for: snapshots never change, and the rest is copied.
func (c *Collector) writeDown(w *storage.Writer) error {
	now := time.Now()
	c.mu.Lock()
	sts, env := c.inOrder(), c.regime.Load().env
	exchangers := map[*state][]checks.Exchanger{}
	for _, st := range sts {
		if len(st.exchangers) > 0 {
			exchangers[st] = st.exchangers
		}
	}
	c.mu.Unlock()
	if err := w.Line(line{Saved: now, Lists: env.Lists.Identity()}); err != nil {
		return err
	}
	for _, domains := range []bool{true, false} {
		for _, st := range sts {
			s := st.snapshot.Load()
			if (s.Target.Kind == targets.KindDomain) != domains {
				continue
			}
			err := w.Line(line{Target: c.targetLine(st, s, exchangers[st], now)})
			if err != nil && !errors.Is(err, storage.ErrLineTooLong) {
				return err
			}
		}
	}
	for _, n := range env.Notes(now) {
		if err := w.Line(line{Note: &n}); err != nil && !errors.Is(err, storage.ErrLineTooLong) {
			return err
		}
	}
	return nil
}

// targetLine writes down what is known of a target.
func (c *Collector) targetLine(st *state, s *Snapshot, exchangers []checks.Exchanger, now time.Time) *targetLine {
	t := &targetLine{Name: st.name, Identity: st.identity}
	for _, mx := range exchangers {
		t.Exchangers = append(t.Exchangers, exchangerLine{mx.Host, mx.Addresses, mx.Sends})
	}
	t.Left, t.Names = st.door.notes(now)
	for _, known := range s.Checks {
		if known.outdated || known.LastRun.IsZero() && len(known.Parts) == 0 {
			continue
		}
		l := checkLine{
			Name: known.Check.Name, LastRun: known.LastRun, LastConclusive: known.LastConclusive, Conclusive: known.Conclusive,
			Err: errorText(known.Err), Parts: make([]partLine, 0, len(known.Parts)),
		}
		for _, p := range known.Parts {
			l.Parts = append(l.Parts, partLine{
				PartNote: checks.PartNote{
					Key: p.Key, Hold: checks.Hold(p.hold), Samples: c.expo.samples(p.block), Findings: checks.NoteFindings(p.Findings),
					Unknown: errorText(p.Unknown), LeftOut: p.LeftOut, Evidence: checks.NoteEvidence(p.Evidence),
				},
				Reached: p.Reached, Until: p.Until,
			})
		}
		t.Checks = append(t.Checks, l)
	}
	return t
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return checks.NoteText(err.Error())
}

// samples returns what the series of a part were made from.
func (e *exposition) samples(b *block) []checks.SampleNote {
	if b == nil {
		return nil
	}
	out := make([]checks.SampleNote, 0, len(b.series))
	begin := int32(0)
	for _, s := range b.series {
		f := e.families[s.family]
		labels := make([]string, len(f.metric.Labels))
		for i, p := range f.order {
			if p.value >= 0 {
				labels[p.value] = b.pairs[begin+int32(i)].GetValue()
			}
		}
		begin = s.end
		if !math.IsNaN(s.value) && !math.IsInf(s.value, 0) {
			out = append(out, checks.SampleNote{Metric: f.metric.Name, Labels: labels, Value: s.value})
		}
	}
	return out
}

// maxDoorLines is how many addresses of one target are taken back.
const maxDoorLines = 64

// notes writes down who sent us away, however long ago it counts, and how servers are called.
func (d *door) notes(now time.Time) (left []leftLine, names []nameLine) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for addr, b := range d.left {
		if now.Sub(b.until) < day {
			left = append(left, leftLine{addr, b.times, b.until})
		}
	}
	for addr, n := range d.names {
		names = append(names, nameLine{addr, n.Banner, n.EHLO})
	}
	return left, names
}

// recall takes notes back. Nobody is left alone for longer than he would be had he said so now.
func (d *door) recall(left []leftLine, names []nameLine, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range left[:min(len(left), maxDoorLines)] {
		if now.Sub(l.Until) >= day || l.Times < 1 {
			continue
		}
		if d.left == nil {
			d.left = map[netip.Addr]*backoff{}
		}
		d.left[l.Address.Unmap()] = &backoff{times: min(l.Times, 10), until: minTime(l.Until, now.Add(maxBackoff))}
	}
	for _, n := range names[:min(len(names), maxDoorLines)] {
		if d.names == nil {
			d.names = map[netip.Addr]checks.Names{}
		}
		d.names[n.Address.Unmap()] = checks.Names{Banner: n.Banner, EHLO: n.EHLO}
	}
}

// A restorer puts what is in a file into force, under the present configuration and time.
type restorer struct {
	c          *Collector
	now, saved time.Time
	sameLists  bool // The blocklists in use are those of then.
	targets    int  // Of which something is known again.

	done map[string]bool // Targets whose line has been read. A second one would show the same series again.
}

func newRestorer(c *Collector, now time.Time) *restorer {
	return &restorer{c: c, now: now, done: map[string]bool{}}
}

// restoreFrom puts a file into force. After an error something of it may have been, and must be thrown away.
func restoreFrom(c *Collector, file []byte, now time.Time) (*restorer, error) {
	r := newRestorer(c, now)
	first := true
	err := storage.Decode(file, func(text []byte) error {
		l, err := parseLine(text)
		if err == nil && first == l.Saved.IsZero() {
			err = errors.New("the time stands elsewhere than in the first line")
		}
		if err != nil {
			return fmt.Errorf("%w: %w", storage.ErrDamaged, err)
		}
		first = false
		r.line(l)
		return nil
	})
	return r, err
}

// parseLine reads a line of the present version.
func parseLine(text []byte) (*line, error) {
	l := &line{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(l); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return l, nil
}

func (r *restorer) line(l *line) {
	switch {
	case !l.Saved.IsZero():
		r.saved, r.sameLists = minTime(l.Saved, r.now), l.Lists == r.c.regime.Load().env.Lists.Identity()
	case l.Target != nil:
		r.target(l.Target)
	case l.Note != nil:
		r.c.regime.Load().env.Recall(*l.Note, r.now)
	}
}

// target takes what was known of a target that is still there. If its configuration changed it begins anew, but that an address
// wants to be left alone stands, as in a reload.
func (r *restorer) target(t *targetLine) {
	r.c.mu.Lock()
	st := r.c.states[t.Name]
	r.c.mu.Unlock()
	if st == nil || r.done[t.Name] {
		return
	}
	r.done[t.Name] = true
	st.door.recall(t.Left, t.Names, r.now)
	if st.identity != t.Identity {
		return
	}
	known := slices.Clone(st.snapshot.Load().Checks)
	var blocks []*block
	for i := range known {
		k := slices.IndexFunc(t.Checks, func(l checkLine) bool { return l.Name == known[i].Check.Name })
		if k < 0 {
			continue
		}
		var ran bool
		if known[i], ran = r.check(st, known[i], &t.Checks[k]); !ran {
			continue
		}
		for _, p := range known[i].Parts {
			if p.block != nil {
				blocks = append(blocks, p.block)
			}
		}
		st.tried.Store(true)
		// The vantage is looked at before anything else: this machine may be elsewhere now. And other lists than before are
		// asked soon, as after a reload.
		if st.target.Kind != targets.KindVantage && (known[i].Check.Name != "dnsbl" || r.sameLists) {
			p := st.plans[i]
			p.began, p.due = known[i].LastRun, dueAfter(known[i].LastRun, st, p)
		}
	}
	r.c.expo.keepUnique(blocks, nil)
	st.snapshot.Store(r.c.regime.Load().builder.build(st, known, r.now))
	r.targets++
	if len(t.Exchangers) > 0 && st.target.Every["mx"] > 0 {
		mxs := make([]checks.Exchanger, len(t.Exchangers))
		for i, mx := range t.Exchangers {
			mxs[i] = checks.Exchanger{Host: mx.Host, Addresses: mx.Addresses, Sends: mx.Sends}
		}
		r.c.follow(st, mxs)
	}
}

// dueAfter returns when a check is due that ran at t: like the scheduler, which counts from the moment that was meant.
func dueAfter(t time.Time, st *state, p *plan) time.Time {
	phase := st.phase
	if meant := gridPoint(t.Add(-punctual), phase, p.every); meant.Before(t) {
		t = meant
	}
	return nextDue(t, phase, p.every, p.least, mostFrequent(st.plans))
}

// check returns what is known of a check, given what was. ran is false if nothing of it is worth anything, so that it is as if it had
// never run.
func (r *restorer) check(st *state, c CheckState, l *checkLine) (known CheckState, ran bool) {
	known = c
	keys := map[string]bool{} // One of each, as of targets.
	for i := range l.Parts {
		if p := r.part(st, c, &l.Parts[i]); p != nil && !keys[p.Key] {
			keys[p.Key] = true
			known.Parts = append(known.Parts, p)
		}
	}
	if l.LastRun.IsZero() || len(l.Parts) > 0 && len(known.Parts) == 0 {
		return c, false
	}
	known.LastRun, known.Conclusive = minTime(l.LastRun, r.now), l.Conclusive
	if !l.LastConclusive.IsZero() {
		known.LastConclusive = minTime(l.LastConclusive, r.now)
	}
	if l.Err != "" {
		known.Err = errors.New(l.Err)
	}
	return known, true
}

// part returns what is known of a thing, given what was, or nil. The hold of a verdict goes on from when it was reached; where the
// last run left the thing out, which limits no hold, from when the file was written.
func (r *restorer) part(st *state, c CheckState, l *partLine) *PartState {
	p, ok := l.Recall(c.Check, func(id string) bool { _, ok := r.c.regime.Load().builder.problem(id); return ok })
	if !ok {
		return nil
	}
	r.c.present(&checks.Result{Parts: []*checks.Part{p}})
	n := &PartState{Key: p.Key, Unknown: p.Unknown, LeftOut: p.LeftOut, Evidence: kept(p.Evidence), hold: uint8(p.Hold)}
	ends := minTime(l.Reached, r.now).Add(p.Hold.Duration(c.Every))
	if p.LeftOut {
		ends = r.saved.Add(p.Hold.Duration(c.Every))
	}
	if !l.Until.IsZero() {
		n.Until = minTime(l.Until, ends)
		ends = n.Until
	}
	switch {
	case !l.Reached.IsZero() && r.now.Before(ends):
		n.Reached, n.Findings, n.block = minTime(l.Reached, r.now), p.Findings, r.c.expo.renderer(st).part(p)
		return n
	case p.Unknown == nil:
		return nil
	case !l.Reached.IsZero():
		n.Evidence = nil // It was that of the verdict.
	}
	n.Until = time.Time{}
	return n
}
