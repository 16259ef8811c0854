package checks

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// A Note is one thing that must not be forgotten when the exporter is started anew, in a form for the disk: one field is set. It
// holds no secret, and nothing by which one can be found.
type Note struct {
	Answer   *AnswerNote   `json:"answer,omitempty"`
	Deferral *DeferralNote `json:"deferral,omitempty"`
	Record   *RecordNote   `json:"record,omitempty"`
	Policy   *PolicyNote   `json:"policy,omitempty"`
	List     *ListNote     `json:"list,omitempty"`
}

// An AnswerNote is what came of a question that must not be repeated at will.
type AnswerNote struct {
	Check  string    `json:"check"`
	Target string    `json:"target"`
	Open   string    `json:"open"`           // Digest, in hexadecimal digits.
	Mark   byte      `json:"mark,omitempty"` // Of the secret: see targets.Secret.
	At     time.Time `json:"at"`
	Part   PartNote  `json:"part"`
}

// A DeferralNote is an attempt that a server put off.
type DeferralNote struct {
	Target  string     `json:"target"`
	Address netip.Addr `json:"address"`
	From    string     `json:"from"`
	To      string     `json:"to"`
	At      time.Time  `json:"at"`
	Told    bool       `json:"told,omitempty"`
}

// A RecordNote is what was last seen of a record.
type RecordNote struct {
	Target  string    `json:"target"`
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	Digest  string    `json:"digest"`
	Text    string    `json:"text"`
	At      time.Time `json:"at"`
	Changed time.Time `json:"changed,omitzero"`
	Before  string    `json:"before,omitempty"`
}

// A PolicyNote is the policy that a domain serves under an id.
type PolicyNote struct {
	Domain string    `json:"domain"`
	ID     string    `json:"id"`
	Digest string    `json:"digest"`
	Until  time.Time `json:"until"`
}

// A ListNote is the health of a blocklist, and how many questions it has been asked.
type ListNote struct {
	ID       string    `json:"id"`
	Zone     string    `json:"zone"` // Without the operator's key.
	Resolver string    `json:"resolver,omitempty"`
	At       time.Time `json:"at"`
	Spent    float64   `json:"spent,omitempty"` // Questions of its budget, at At.
	State    string    `json:"state,omitempty"`
	Why      string    `json:"why,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Good     time.Time `json:"good,omitzero"`
}

// A PartNote is a Part.
type PartNote struct {
	Key      string        `json:"key"`
	Hold     Hold          `json:"hold,omitempty"`
	Samples  []SampleNote  `json:"samples,omitempty"`
	Findings []FindingNote `json:"findings,omitempty"`
	Unknown  string        `json:"unknown,omitempty"`
	LeftOut  bool          `json:"left_out,omitempty"`
	Evidence []string      `json:"evidence,omitempty"`
}

// A SampleNote is a Sample.
type SampleNote struct {
	Metric string   `json:"m"`
	Labels []string `json:"l,omitempty"`
	Value  float64  `json:"v"`
}

// A FindingNote is a Finding.
type FindingNote struct {
	Problem    string           `json:"problem"`
	Severity   catalog.Severity `json:"severity,omitempty"`
	Receiving  catalog.Severity `json:"receiving,omitempty"`
	Evidence   string           `json:"evidence,omitempty"`    // In English.
	EvidenceRU string           `json:"evidence_ru,omitempty"` // Empty: as in English.
	Values     catalog.Values   `json:"values,omitempty"`
	Ours       netip.Addr       `json:"ours,omitzero"`
	Transient  bool             `json:"transient,omitempty"`
}

// What of evidence is written down. A whole dialogue is seen again in the next round.
const (
	notedLines  = 40
	notedOctets = 1000 // Of a line.
)

// NoteText cuts a text for the disk.
func NoteText(s string) string {
	if len(s) > notedOctets {
		s = s[:notedOctets] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}

// NoteEvidence cuts evidence for the disk.
func NoteEvidence(lines []string) []string {
	var out []string
	for i, line := range lines {
		if i == notedLines {
			return append(out, fmt.Sprintf("-- %s more", counted(len(lines)-i, "line", "lines")))
		}
		out = append(out, NoteText(line))
	}
	return out
}

// noteValues cuts values for the disk. One that would be cut is left out: half a record must not be published.
func noteValues(values catalog.Values) (out catalog.Values) {
	for name, value := range values {
		if value == NoteText(value) {
			out = out.With(catalog.Values{name: value})
		}
	}
	return out
}

// NoteFindings writes findings down.
func NoteFindings(list []Finding) []FindingNote {
	var out []FindingNote
	for _, f := range list {
		n := FindingNote{f.Problem, f.Severity, f.Receiving, NoteText(f.Evidence.EN), "", noteValues(f.Values), f.Ours, f.Transient}
		if f.Evidence.RU != f.Evidence.EN {
			n.EvidenceRU = NoteText(f.Evidence.RU)
		}
		out = append(out, n)
	}
	return out
}

// notePart writes a part down.
func notePart(p *Part) PartNote {
	n := PartNote{Key: p.Key, Hold: p.Hold, Findings: NoteFindings(p.Findings), LeftOut: p.LeftOut, Evidence: NoteEvidence(p.Evidence)}
	for _, s := range p.Samples {
		if !math.IsNaN(s.Value) && !math.IsInf(s.Value, 0) {
			n.Samples = append(n.Samples, SampleNote{s.Metric.Name, s.Labels, s.Value})
		}
	}
	if p.Unknown != nil {
		n.Unknown = NoteText(p.Unknown.Error())
	}
	return n
}

// Recall returns the part that a note is of, without what this version does not know: metrics that the check does not emit, or with other
// labels, and problems that known does not know. ok is false if it is no part at all.
func (n PartNote) Recall(c *Check, known func(problem string) bool) (p *Part, ok bool) {
	if n.Hold != HoldReplies && n.Hold != HoldRecords {
		return nil, false
	}
	p = &Part{Key: n.Key, Hold: n.Hold, LeftOut: n.LeftOut, Evidence: n.Evidence}
	for _, s := range n.Samples {
		i := slices.IndexFunc(c.Metrics, func(m *Metric) bool { return m.Name == s.Metric })
		if i >= 0 && len(s.Labels) == len(c.Metrics[i].Labels) {
			p.Samples = append(p.Samples, Sample{c.Metrics[i], s.Labels, s.Value})
		}
	}
	severities := []catalog.Severity{"", catalog.SeverityCritical, catalog.SeverityWarning, catalog.SeverityInfo}
	for _, f := range n.Findings {
		if known(f.Problem) && slices.Contains(severities, f.Severity) && slices.Contains(severities, f.Receiving) {
			evidence := catalog.Text{EN: f.Evidence, RU: cmp.Or(f.EvidenceRU, f.Evidence)}
			p.Findings = append(p.Findings, Finding{f.Problem, f.Severity, f.Receiving, evidence, f.Values, f.Ours, f.Transient})
		}
	}
	if n.Unknown != "" {
		p.Unknown = errors.New(n.Unknown)
	}
	return p, true
}

// Notes returns what must not be forgotten, as of now.
func (e *Env) Notes(now time.Time) []Note {
	return slices.Concat(e.Memory.notes(), e.Policies.notes(), e.Lists.notes(now))
}

// Recall takes a note that was made before a restart, unless time or the configuration has gone over it. Times that are yet to come are
// those of a clock that was wrong: what happened then has happened at the latest now.
func (e *Env) Recall(n Note, now time.Time) {
	switch {
	case n.Answer != nil:
		e.Memory.recallAnswer(*n.Answer, now)
	case n.Deferral != nil:
		e.Memory.recallDeferral(*n.Deferral, now)
	case n.Record != nil:
		e.Memory.recallRecord(*n.Record, now)
	case n.Policy != nil:
		e.Policies.recall(*n.Policy, now)
	case n.List != nil:
		e.Lists.recall(*n.List, now)
	}
}

// notLater returns t, or now if t is yet to come.
func notLater(t, now time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}

// unhex returns the digest that is written in a text.
func unhex(text string) (digest [32]byte, ok bool) {
	b, err := hex.DecodeString(text)
	return [32]byte(append(b, make([]byte, 32)...)), err == nil && len(b) == len(digest)
}

// notes writes down what a Memory holds.
func (m *Memory) notes() []Note {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Note, 0, len(m.answers)+len(m.put)+len(m.sightings))
	for q, a := range m.answers {
		out = append(out, Note{Answer: &AnswerNote{q.check, q.target, hex.EncodeToString(a.basis.open[:]), a.basis.mark, a.at, notePart(&a.part)}})
	}
	for a, d := range m.put {
		out = append(out, Note{Deferral: &DeferralNote{a.target, a.addr, a.from, a.to, d.at, d.told}})
	}
	for w, s := range m.sightings {
		out = append(out, Note{Record: &RecordNote{w.target, string(w.kind), w.name, hex.EncodeToString(s.digest[:]), s.text, s.at, s.changed, s.before}})
	}
	return out
}

// forgetAnswer is how long an answer is remembered over restarts but for those to a password, which stand until something
// changes. Nothing else must be asked less than once a day.
const forgetAnswer = 24 * time.Hour

func (m *Memory) recallAnswer(n AnswerNote, now time.Time) {
	check, at := ByName(n.Check), notLater(n.At, now)
	if check == nil || n.Check != authCheck.Name && now.Sub(at) >= forgetAnswer {
		return
	}
	open, isDigest := unhex(n.Open)
	part, isPart := n.Part.Recall(check, func(id string) bool { _, ok := catalog.ProblemByID(id); return ok })
	if isDigest && isPart {
		m.keep(question{n.Check, n.Target}, answer{basis{open: open, mark: n.Mark}, at, *part})
	}
}

func (m *Memory) recallDeferral(n DeferralNote, now time.Time) {
	if at := notLater(n.At, now); now.Sub(at) < forgetDeferral {
		m.putOff(attempt{n.Target, n.Address, n.From, n.To}, deferral{at, n.Told})
	}
}

// recallRecord takes what a record was. When it changed is a value of its own, so that one that is yet to come is not believed.
func (m *Memory) recallRecord(n RecordNote, now time.Time) {
	kinds := []recordKind{recordSPF, recordDKIM, recordDMARC, recordMX, recordMTASTS, recordPTR, recordTLSA}
	digest, isDigest := unhex(n.Digest)
	at := notLater(n.At, now)
	if !isDigest || !slices.Contains(kinds, recordKind(n.Kind)) || now.Sub(at) >= forgetSighting {
		return
	}
	s := sighting{digest, n.Text, at, n.Changed, n.Before}
	if n.Changed.After(now) {
		s.changed, s.before = time.Time{}, ""
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sightings) < maxSightings {
		m.sightings[watched{n.Target, recordKind(n.Kind), n.Name}] = s
	}
}

func (p *Policies) notes() []Note {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Note, 0, len(p.editions))
	for domain, e := range p.editions {
		out = append(out, Note{Policy: &PolicyNote{domain, e.id, hex.EncodeToString(e.policy[:]), e.until}})
	}
	return out
}

// longestPolicy is the greatest max_age (RFC 8461 section 3.2).
const longestPolicy = 31557600 * time.Second

func (p *Policies) recall(n PolicyNote, now time.Time) {
	digest, ok := unhex(n.Digest)
	if ok && now.Before(n.Until) {
		p.differs(n.Domain, n.ID, digest, min(n.Until.Sub(now), longestPolicy), now)
	}
}

// Identity tells the lists that are in use, and how they are asked, from others; "" if there are none.
func (all *Lists) Identity() string {
	if all == nil || len(all.lists) == 0 {
		return ""
	}
	var texts []string
	for _, l := range all.lists {
		texts = append(texts, l.ID, l.publicZone(), l.Resolver)
	}
	digest := digestOfTexts(texts...)
	return hex.EncodeToString(digest[:16])
}

// notes writes down the health of the lists and what they have been asked.
func (all *Lists) notes(now time.Time) []Note {
	if all == nil {
		return nil
	}
	var out []Note
	for _, l := range all.lists {
		n := ListNote{ID: l.ID, Zone: l.publicZone(), Resolver: l.Resolver, At: now}
		if l.budget.Limit() != rate.Inf {
			n.Spent = max(0, float64(l.budget.Burst())-l.budget.TokensAt(now))
		}
		l.mu.Lock()
		n.State, n.Since, n.Good = l.health.state, l.health.since, l.health.good
		if l.health.why != nil {
			n.Why = NoteText(strings.TrimPrefix(l.health.why.Error(), errListSick.Error()+": "))
		}
		l.mu.Unlock()
		out = append(out, Note{List: &n})
	}
	return out
}

// recall takes the health of a list that is still asked as it was, and what it has been asked; the budget has come back meanwhile as
// far as time has passed.
func (all *Lists) recall(n ListNote, now time.Time) {
	if all == nil {
		return
	}
	l := all.byID(n.ID)
	if l == nil || l.publicZone() != n.Zone {
		return
	}
	if limit := l.budget.Limit(); limit != rate.Inf {
		back := float64(limit) * now.Sub(notLater(n.At, now)).Seconds()
		if spent := math.Ceil(n.Spent - back); spent > 0 {
			l.budget.AllowN(now, int(min(spent, float64(l.budget.Burst()))))
		}
	}
	states := []string{listHijacked, listBlocked, listWorld, listDead, listError, listUnverified, listOK}
	if l.Resolver != n.Resolver || !slices.Contains(states, n.State) {
		return
	}
	h := health{state: n.State, since: notLater(n.Since, now), good: notLater(n.Good, now)}
	if !h.usable() {
		h.why = sickBecause(errors.New(n.Why))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.health = h
}
