package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

var (
	nameForm    = regexp.MustCompile(`[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.(?:example(?:\.(?:org|net|com))?|test|invalid)\b|(?:[A-Za-z0-9_-]+\.)*example\.(?:org|net|com)\b`)
	addressForm = regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}\b|\b2001:db8:[0-9a-f:]*`)
	keyNameForm = regexp.MustCompile(`([A-Za-z0-9_-]+)\._domainkey|\bs20\d\d[a-z]\b`)
)

// TestAdviceIsAboutTheTarget reads every remedy and every record to publish that is shown for the demo, in both languages. A
// name of RFC 2606, an address of RFC 5737 or 3849 or a selector in it has to stand in the target's configuration, or in
// what was seen of it: the user of another domain would follow advice about somebody else.
func TestAdviceIsAboutTheTarget(t *testing.T) {
	world, cfg, err := demoWorld()
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	c, err := collector.New(collector.Options{
		Config: cfg, Dialer: world.Dialer(), Route: mailworld.Route, Roots: world.Roots(), Outgoing: mailworld.Outgoing,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // Only one that hangs sees its end.
	defer cancel()
	c.Once(ctx, nil)

	shown := 0
	for _, s := range c.Snapshots() {
		known := knownOf(cfg, s)
		for _, found := range s.Problems {
			problem, _ := catalog.ProblemByID(found.ID)
			for _, lang := range []catalog.Lang{catalog.English, catalog.Russian} {
				for _, v := range s.ValuesOf(found) {
					texts := problem.RemediesFor(lang, v)
					if r, ok := v.Record(); ok {
						texts = append(texts, r.Name+" "+r.Type+" "+r.Data)
					}
					for _, text := range texts {
						shown++
						for _, strange := range strangers(text, known) {
							t.Errorf("%s, %s: %q is not known of it: %s", s.Target.Name, found.ID, strange, text)
						}
					}
				}
			}
		}
	}
	if shown < 900 {
		t.Errorf("only %d remedies were shown", shown)
	}
}

// strangers are the names, addresses and selectors in a text that do not stand in what is known.
func strangers(text, known string) (out []string) {
	tokens := slices.Concat(nameForm.FindAllString(text, -1), addressForm.FindAllString(text, -1))
	for _, m := range keyNameForm.FindAllStringSubmatch(text, -1) {
		tokens = append(tokens, strings.TrimSuffix(m[0], "._domainkey"))
	}
	for _, token := range tokens {
		if !strings.Contains(known, strings.ToLower(token)) {
			out = append(out, token)
		}
	}
	return out
}

// knownOf is everything that a remedy may name of a target, in lower case: its configuration, and what was seen.
func knownOf(cfg *targets.Config, s *collector.Snapshot) string {
	var b strings.Builder
	for _, v := range []any{s.Target.Domain, s.Target.Server, s.Target.Sender} {
		fmt.Fprintf(&b, "%s %+v\n", s.Target.Name, v)
	}
	if s.Target.Server != nil && s.Target.Server.Recipient != nil {
		fmt.Fprintf(&b, "%+v\n", *s.Target.Server.Recipient)
	}
	fmt.Fprintln(&b, cfg.HeloName, cfg.Resolver.Servers)
	for _, check := range s.Checks {
		for _, p := range check.Parts {
			fmt.Fprintln(&b, p.Key, p.Evidence)
			for _, f := range p.Findings {
				fmt.Fprintln(&b, f.Evidence)
			}
		}
	}
	for _, p := range s.Problems {
		fmt.Fprintln(&b, p.Evidence)
	}
	known := strings.ToLower(b.String())
	for _, addr := range addressForm.FindAllString(known, -1) { // Where its PTR record is.
		octets := strings.Split(addr, ".")
		slices.Reverse(octets)
		known += strings.Join(octets, ".") + "\n"
	}
	// What is published below a known name.
	if s.Target.Domain != nil {
		for _, selector := range s.Target.Domain.DKIMSelectors {
			known += selector + "._domainkey." + s.Target.Name + "\n"
		}
	}
	for _, below := range []string{"_dmarc.", "_mta-sts.", "mta-sts.", "_smtp._tls.", "default._bimi.", "_25._tcp.", "_domainkey."} {
		known += below + s.Target.Name + "\n"
		if s.Target.Server != nil {
			known += below + s.Target.Server.Host + "\n"
		}
	}
	return known
}
