package checks

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// A Memory holds what checks must not forget between rounds, nor when a new configuration comes: what must not be asked again,
// who put us off, and what records were. It is safe for use by many rounds, and bounded: the oldest is forgotten first. A nil Memory remembers nothing.
type Memory struct {
	mu      sync.Mutex
	answers map[question]answer
	put     map[attempt]deferral

	sightings map[watched]sighting
	swept     time.Time // When sightings was last searched for what can go.
}

// maxRemembered bounds either kind; both have one for each server at which something is configured.
const maxRemembered = 20_000

// NewMemory returns one that is empty.
func NewMemory() *Memory {
	return &Memory{answers: map[question]answer{}, put: map[attempt]deferral{}, sightings: map[watched]sighting{}}
}

// A question is one that must not be repeated at will: a check, asked of a target.
type question struct{ check, target string }

// An answer is what came of it.
type answer struct {
	basis basis // A question on another basis is another question.
	at    time.Time
	part  Part
}

// A basis is all that an answer depends on, as digests.
type basis struct {
	open   [sha256.Size]byte // Of what is no secret.
	secret [sha256.Size]byte // Of the secret; zero: there is none, or it came before a restart and only its mark is known.
	mark   byte
}

// same reports whether nothing has changed.
func (b basis) same(o basis) bool {
	var unknown [sha256.Size]byte
	return b.open == o.open && b.mark == o.mark && (b.secret == o.secret || b.secret == unknown || o.secret == unknown)
}

// digestOfTexts tells lists of texts apart. It cannot be read back, but a weak password can be guessed from it: no secret may
// be among texts that are written to a disk.
func digestOfTexts(texts ...string) [sha256.Size]byte {
	var b []byte
	for _, t := range texts {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	return sha256.Sum256(b)
}

// answer returns the answer to a question, if it was asked on this basis.
func (m *Memory) answer(q question, on basis) (answer, bool) {
	if m == nil {
		return answer{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.answers[q]
	return a, ok && a.basis.same(on)
}

// keep remembers an answer in place of what was known of the question.
func (m *Memory) keep(q question, a answer) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	remember(m.answers, q, a, func(a answer) time.Time { return a.at })
}

// remember puts a value into a map that it keeps within maxRemembered.
func remember[K comparable, V any](m map[K]V, key K, value V, at func(V) time.Time) {
	if _, there := m[key]; !there && len(m) >= maxRemembered {
		var oldest K
		first := true
		for k, v := range m {
			if first || at(v).Before(at(m[oldest])) {
				oldest, first = k, false
			}
		}
		delete(m, oldest)
	}
	m[key] = value
}

// standIn lets an earlier answer stand in for a run that must not be made. Where the verdict is still held, the run is left
// out; where it is not, because the target's configuration changed in another point, it is given once more.
func (r *Round) standIn(p *Part, a answer, why error) {
	if reached, ok := r.Last(p.Key); ok && !reached.Before(a.at) {
		p.Unknown, p.LeftOut = why, true
		return
	}
	p.Samples, p.Findings, p.Evidence = a.part.Samples, a.part.Findings, append(slices.Clip(a.part.Evidence), "-- "+why.Error())
}

// An attempt is what a greylisting server keeps its memory by: RFC 6647 section 2.2, the client's address, which is ours
// and does not change, the sender and the recipient. Each server's memory is its own.
type attempt struct {
	target   string
	addr     netip.Addr
	from, to string
}

// A deferral is that an attempt was put off, perhaps by greylisting.
type deferral struct {
	at   time.Time
	told bool // A later probe told that it was greylisting.
}

// forgetDeferral is how long a deferral says something of a later reply. Greylisting servers want the second attempt
// within a day or two.
const forgetDeferral = 48 * time.Hour

// deferral returns how an attempt was put off lately.
func (m *Memory) deferral(a attempt, now time.Time) (deferral, bool) {
	if m == nil {
		return deferral{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.put[a]
	return d, ok && now.Sub(d.at) < forgetDeferral
}

// putOff remembers a deferral.
func (m *Memory) putOff(a attempt, d deferral) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	remember(m.put, a, d, func(d deferral) time.Time { return d.at })
}

// forget drops what is known of an attempt.
func (m *Memory) forget(a attempt) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.put, a)
}
