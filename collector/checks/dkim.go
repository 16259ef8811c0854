package checks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
)

// RFC 8301 section 3.2: verifiers must not accept RSA keys below 1024 bits, signers should use 2048. Verifiers must take keys up to
// 4096 bits and may take longer ones: rspamd takes 8192 at most, OpenSSL 16384. So one of up to 8192 bits
// is good for most receivers, and one beyond that counts as unusable.
const (
	leastRSABits = 1024
	goodRSABits  = 2048
	sureRSABits  = 4096
	mostRSABits  = 8192
)

// unusedSelector is a selector that nobody has, by which a wildcard record gives itself away.
const unusedSelector = "mailprobe-unused-selector"

// The metrics of DKIM keys. All are of the last run that could tell, and are held for 24 hours.
var (
	dkimKeyValid = &Metric{
		Name:   "dkim_key_valid",
		Help:   "1 if receivers can verify signatures with the selector's key, 0 if it is missing, revoked, there several times or unusable, as of the last run that could tell.",
		Labels: []string{"selector"},
	}
	dkimKeyBits = &Metric{
		Name:   "dkim_key_bits",
		Help:   "Length of the selector's key in bits, 256 for Ed25519, as of the last run that could tell.",
		Labels: []string{"selector", "key_type"},
	}
)

// The check dkim reads the public key of each configured selector. A signed letter names domain and selector; the receiver
// gets the key from the TXT record at SELECTOR._domainkey.DOMAIN, often by way of an alias that leads to a
// provider. Selectors are never guessed: there is no way to list them, so a key is missing only if the
// operator says that it should be there.
//
// A domain that revoked a key leaves its record with an empty p, so that letters signed with it fail for certain. A
// wildcard record at *._domainkey gives every selector a record: a revoked key that an unused selector has too is
// not the selector's own.
var dkimCheck = &Check{
	Name:    "dkim",
	Help:    "Is the key of each configured selector there, and can receivers use it?",
	Ref:     "RFC 6376 section 3.6, RFC 8301, RFC 8463",
	Metrics: []*Metric{dkimKeyValid, dkimKeyBits, recordChange},
	Problems: []string{
		"dkim_missing", "dkim_revoked", "dkim_invalid", "dkim_multiple", "dkim_weak", "dkim_short", "dkim_long", "dkim_testing",
		"dkim_wrong_service", "dkim_hash_unusable", "dkim_ed25519_wrapped", "dkim_ed25519_only",
	},
	Run: runDKIM,
}

func runDKIM(ctx context.Context, r *Round) error {
	selectors := r.Target.Domain.DKIMSelectors
	answers := make([]dnsclient.Answer[string], len(selectors))
	errs := make([]error, len(selectors))
	sideBySide(len(selectors), func(i int) { answers[i], errs[i] = r.Env.DNS.TXT(ctx, selectorName(r, selectors[i])) })

	valid := map[string]int{} // Usable keys by type.
	var unknown []error
	for i, selector := range selectors {
		watchAnswer(r, recordDKIM, selectorName(r, selector), answers[i], errs[i], sameText)
		p := r.Part(selector, HoldRecords)
		if p.Unknown = errs[i]; p.Unknown == nil {
			valid[judgeSelector(ctx, r, p, selector, answers[i])]++
		}
		if p.Unknown != nil {
			unknown = append(unknown, p.Unknown)
		}
	}
	if len(selectors) > 0 {
		judgeKeyTypes(r, valid, errors.Join(unknown...))
	}
	return nil
}

// dkimUnusable are the problems of a selector with which no signature of its verifies. A key of dkim_long may be one that many receivers
// take.
var dkimUnusable = []string{
	"dkim_missing", "dkim_revoked", "dkim_invalid", "dkim_multiple", "dkim_weak", "dkim_wrong_service", "dkim_hash_unusable", "dkim_ed25519_wrapped",
}

// DKIMUnusable reports whether the problem is one with which no signature of the selector verifies.
func DKIMUnusable(problem string) bool { return slices.Contains(dkimUnusable, problem) }

// selectorName is where the key of a selector stands (RFC 6376 section 3.6.2.1).
func selectorName(r *Round, selector string) string { return selector + "._domainkey." + r.Target.Name }

// judgeKeyTypes asks for a key that all receivers can use: many of the large ones do not verify Ed25519.
func judgeKeyTypes(r *Round, valid map[string]int, unknown error) {
	p := r.Part("key types", HoldRecords) // A selector has no space in it.
	switch {
	case valid[record.KeyRSA] > 0:
	case unknown != nil:
		p.Unknown = unknown
	case valid[record.KeyEd25519] > 0:
		p.Find("dkim_ed25519_only", "", say("no selector has a valid RSA key"))
	}
}

// judgeSelector says what the records of one selector are worth. It returns the type of a key that can be
// used, "" if there is none.
func judgeSelector(ctx context.Context, r *Round, p *Part, selector string, answer dnsclient.Answer[string]) string {
	for _, text := range answer.Records {
		p.Evidence = append(p.Evidence, quoteRecord(text))
	}
	keys := 0
	for _, text := range answer.Records {
		if record.IsDKIM(text) {
			keys++
		}
	}
	keyType := ""
	switch {
	case keys == 0:
		p.Find("dkim_missing", "", missingKey(selectorName(r, selector), answer))
	case len(answer.Records) > 1:
		// RFC 6376 section 3.6.2.2: what a verifier does then is not defined, be the others keys or not.
		p.Find("dkim_multiple", "", say("%s: selector %s has %d TXT records", r.Target.Name, selector, len(answer.Records)))
	default:
		keyType = judgeKeyRecord(p, selector, answer.Records[0])
		if revoked(p) && !ownRecord(ctx, r, p, answer.Records[0]) {
			return ""
		}
	}
	for i, f := range p.Findings {
		p.Findings[i].Values = selectorValues(r, selector, answer, f.Problem)
	}
	p.EmitBool(dkimKeyValid, keyType != "", selector)
	return keyType
}

// selectorValues are what remedies name of a selector's problem. A key is never made up: where what is published holds none, there is no record
// to publish.
func selectorValues(r *Round, selector string, answer dnsclient.Answer[string], problem string) catalog.Values {
	v := catalog.Values{catalog.ValueSelector: selector}
	name := selectorName(r, selector)
	if n := len(answer.Aliases); n > 0 {
		name = answer.Aliases[n-1]
		v[catalog.ValueAlias] = name
	}
	keys := slices.DeleteFunc(slices.Clone(answer.Records), func(text string) bool { return !record.IsDKIM(text) })
	if len(keys) == 1 && slices.Contains(fixedByRecord, problem) {
		v = v.With(catalog.RecordValues(name, "TXT", record.FixDKIM(keys[0])))
	}
	return v
}

// fixedByRecord are the problems that a record with the same key can fix.
var fixedByRecord = []string{"dkim_invalid", "dkim_multiple", "dkim_testing", "dkim_wrong_service", "dkim_hash_unusable", "dkim_ed25519_wrapped"}

// missingKey says in which way a key is missing.
func missingKey(name string, answer dnsclient.Answer[string]) catalog.Text {
	known := alsoKnown(name, answer.Aliases)
	switch answer.Outcome {
	case dnsclient.OutcomeNoName:
		return say("%s does not exist (NXDOMAIN)", known)
	case dnsclient.OutcomeNoData:
		return say("%s has no TXT record", known)
	}
	return say("%s has only %s, which is no DKIM key", known, quoteRecord(answer.Records[0]))
}

// judgeKeyRecord judges the only record of a selector. It returns the type of the key if it can be used, otherwise "".
func judgeKeyRecord(p *Part, selector, text string) string {
	d, err := record.ParseDKIM(text)
	if err != nil {
		p.Find("dkim_invalid", "", say("%s: %s", selector, err))
		return ""
	}
	key, err := d.Key()
	if key.Bits > 0 {
		p.Emit(dkimKeyBits, float64(key.Bits), selector, key.Type)
	}
	usable := err == nil
	find := func(problem string, evidence catalog.Text, fatal bool) {
		p.Find(problem, "", say("%s: %s", selector, evidence))
		usable = usable && !fatal
	}
	switch {
	case errors.Is(err, record.ErrRevoked):
		find("dkim_revoked", say("p is empty"), true)
		return "" // The rest of the record does not matter any more.
	case errors.Is(err, record.ErrWrapped):
		find("dkim_ed25519_wrapped", wordsOf(err), true)
	case err != nil:
		find("dkim_invalid", wordsOf(err), true)
	case key.Type == record.KeyRSA && key.Bits < leastRSABits:
		find("dkim_weak", say("%d bits", key.Bits), true)
	case key.Type == record.KeyRSA && key.Bits < goodRSABits:
		find("dkim_short", say("%d bits", key.Bits), false)
	case key.Type == record.KeyRSA && key.Bits > sureRSABits:
		find("dkim_long", say("%d bits, and receivers need not take more than %d", key.Bits, sureRSABits), key.Bits > mostRSABits)
	}
	if d.Testing() {
		find("dkim_testing", same("t=y"), false)
	}
	if !d.ForEmail() {
		find("dkim_wrong_service", say("the services are %q", fmt.Sprint(d.Services)), true)
	}
	if !d.AllowsSHA256() {
		evidence := say("the hash functions are %q", fmt.Sprint(d.Hashes))
		if slices.ContainsFunc(d.Hashes, func(h string) bool { return strings.EqualFold(h, record.HashSHA256) }) {
			evidence = say("%s; case counts, and only some receivers, such as OpenDKIM, read capitals as %s", evidence, record.HashSHA256)
		}
		find("dkim_hash_unusable", evidence, true)
	}
	if !usable {
		return ""
	}
	return key.Type
}

// revoked reports whether that is what was found.
func revoked(p *Part) bool {
	return len(p.Findings) == 1 && p.Findings[0].Problem == "dkim_revoked"
}

// ownRecord asks whether a wildcard record gives an unused selector the same revoked key; then the selector's own is
// missing. It returns false if that could not be told, and the part is unknown.
func ownRecord(ctx context.Context, r *Round, p *Part, text string) bool {
	name := selectorName(r, unusedSelector)
	answer, err := r.Env.DNS.TXT(ctx, name)
	if err != nil {
		p.Unknown = err
		return false
	}
	if len(answer.Records) == 1 && answer.Records[0] == text {
		p.Findings = nil
		p.Find("dkim_missing", "", say("a wildcard record revokes every selector, %s too", unusedSelector))
	}
	return true
}
