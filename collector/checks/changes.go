package checks

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
)

// recordChange is declared by every check that looks records up, and emitted by the one that a record belongs to.
var recordChange = &Metric{
	Name:   "record_change_timestamp_seconds",
	Help:   "When the record last changed, appeared or vanished, as Unix time of the run that saw it; absent until a change was seen. The first sight of a record is no change, and without --storage.path all are seen for the first time after a restart.",
	Labels: []string{"record", "name"},
}

// A recordKind is the label record: what the records of a name are looked up for.
type recordKind string

const (
	recordSPF    recordKind = "spf"
	recordDKIM   recordKind = "dkim"
	recordDMARC  recordKind = "dmarc"
	recordMX     recordKind = "mx"
	recordMTASTS recordKind = "mta_sts"
	recordPTR    recordKind = "ptr"
	recordTLSA   recordKind = "tlsa"
)

const (
	// maxSightings is how many records are watched, about as many as ten thousand domains have. One takes 1 KiB at most.
	maxSightings = 50_000
	// forgetSighting is how long a record must not have been seen for its place to be given to another. Until then it is
	// remembered: a target may come back.
	forgetSighting = 7 * 24 * time.Hour
)

// A watched is a record that a target is asked about. Targets do not share what they saw: their rounds run at the same
// time, and one that began with an older answer might end later.
type watched struct {
	target string
	kind   recordKind
	name   string // The owner name asked.
}

// A sighting is what was last seen of a record, and its last change.
type sighting struct {
	digest  [sha256.Size]byte
	text    string // For people, and cut.
	at      time.Time
	changed time.Time // Zero: not since it is watched.
	before  string    // The text before that change.
}

// watchRecord compares the records that were seen at a name with those of earlier rounds, and says when they last changed in a part of
// their own. Their order counts for nothing, since name servers turn it around. err says that they could not be told: then
// it is not known whether they changed. A record belongs to one check of a target, which watches it once in a round.
func (r *Round) watchRecord(kind recordKind, name string, texts []string, err error) {
	w := watched{r.Target.Name, kind, name}
	var s sighting
	if err != nil {
		s = r.Env.Memory.sighting(w)
	} else {
		s = r.Env.Memory.see(w, texts, r.Time)
	}
	if s.changed.IsZero() {
		return
	}
	p := r.Part(fmt.Sprintf("change %s %s", kind, name), HoldRecords)
	if err != nil {
		p.unknown(err)
		return
	}
	p.Emit(recordChange, float64(s.changed.Unix()), string(kind), name)
	p.Evidence = []string{
		fmt.Sprintf("%s of %s changed, as seen at %s", kind, name, s.changed.UTC().Format(time.RFC3339)),
		"before: " + s.before,
		"now: " + s.text,
	}
}

// sighting returns what was last seen of a record.
func (m *Memory) sighting(w watched) sighting {
	if m == nil {
		return sighting{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sightings[w]
}

// see remembers what a record is now, none at all being something too, and returns it with its last change. Where there are
// too many records, those that are watched go on, and others are not begun: to forget one for each new one would be
// to see no change of any.
func (m *Memory) see(w watched, texts []string, now time.Time) sighting {
	if m == nil {
		return sighting{}
	}
	texts = slices.Compact(slices.Sorted(slices.Values(texts)))
	digest := digestOfTexts(texts...)
	m.mu.Lock()
	defer m.mu.Unlock()
	s, known := m.sightings[w]
	switch {
	case !known && !m.roomForSighting(now):
		return sighting{}
	case !known || s.digest != digest:
		if known {
			s.before, s.changed = s.text, now
		}
		s.digest, s.text = digest, shownRecords(texts)
	}
	s.at = now
	m.sightings[w] = s
	return s
}

// roomForSighting reports whether one more record can be watched. It looks for those that nobody asks for any more once an hour at
// most, for it takes a while.
func (m *Memory) roomForSighting(now time.Time) bool {
	if len(m.sightings) < maxSightings {
		return true
	}
	if now.Sub(m.swept) < time.Hour {
		return false
	}
	m.swept = now
	for w, s := range m.sightings {
		if now.Sub(s.at) >= forgetSighting {
			delete(m.sightings, w)
		}
	}
	return len(m.sightings) < maxSightings
}

// shownRecords writes records for people, and not all if they are long.
func shownRecords(texts []string) string {
	if len(texts) == 0 {
		return "no such record"
	}
	quoted := make([]string, min(len(texts), 5))
	for i := range quoted {
		quoted[i] = quoteRecord(texts[i])
	}
	line := strings.Join(quoted, ", ")
	if more := len(texts) - len(quoted); more > 0 {
		line += fmt.Sprintf(" and %d more", more)
	}
	return strings.Clone(clip(line)) // So that the rest can go.
}

// errManyRecords says that an answer was too long to be kept whole. Which of its records are kept may differ from answer to answer.
var errManyRecords = errors.New("there are too many records to tell whether they changed")

// watchAnswer is watchRecord for an answer of which every record counts.
func watchAnswer[T any](r *Round, kind recordKind, name string, a dnsclient.Answer[T], err error, text func(T) string) {
	if err == nil && a.Truncated {
		err = errManyRecords
	}
	texts := make([]string, len(a.Records), len(a.Records)+1)
	for i, rec := range a.Records {
		texts[i] = text(rec)
	}
	if a.Invalid > 0 {
		texts = append(texts, fmt.Sprintf("%d without a host name", a.Invalid))
	}
	r.watchRecord(kind, name, texts, err)
}

func mxText(m dnsclient.MX) string { return fmt.Sprintf("%d %s", m.Preference, zoneName(m.Host)) }

// tlsaText is the whole record, unlike record.TLSA's String.
func tlsaText(t dnsclient.TLSA) string {
	return fmt.Sprintf("%d %d %d %x", t.Usage, t.Selector, t.MatchingType, t.Data)
}

func sameText(s string) string { return s }
