package record

import (
	"slices"
	"testing"
)

// TestTLSAFor: with the proposed record senders accept the certificate, and whatever they accepted without it.
func TestTLSAFor(t *testing.T) {
	next, present := newCertificate(t), newCertificate(t)
	of := func(usage, selector, matching uint8) TLSA {
		data, _ := Association(present, selector, matching)
		return TLSA{usage, selector, matching, data}
	}
	accepts := func(records []TLSA) (withNext, withPresent bool) {
		for _, r := range StrongestTLSA(records) {
			withNext, withPresent = withNext || r.Matches(next), withPresent || r.Matches(present)
		}
		return withNext, withPresent
	}
	for _, beside := range [][]TLSA{
		nil,
		{of(3, 1, 1)},
		{of(3, 1, 2)},
		{of(3, 1, 1), of(3, 1, 2)},
		{of(3, 0, 2)},
		{of(2, 1, 2), of(3, 0, 1)},
		{of(3, 1, 0)},
		{of(1, 1, 1)},
		{{3, 1, 2, []byte("cut off")}},
	} {
		_, before := accepts(beside)
		record := TLSAFor(next, beside)
		found, after := accepts(append(slices.Clone(beside), record))
		if !found || after != before {
			t.Errorf("%v beside %v: the new certificate is accepted %t, the present one %t and before %t", record, beside, found, after, before)
		}
	}
}
