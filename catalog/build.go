package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// newClassifier makes entries ready for classify. The error names every entry that cannot be used and every
// two that match the same reply with equal right.
func newClassifier(cat *Catalog) (*classifier, error) {
	c := &classifier{
		phrases: newPhraseSet(), listOf: map[int32]string{}, providerOf: map[int32]string{}, byCode: map[string][]*rule{},
		wins:  cat.wins,
		words: vocabulary{named: cat.words, groups: map[string]int32{}},
	}
	var errs []error
	var err error
	if c.denial, err = newDenial(cat.denial, &c.words, c.phrases); err != nil {
		errs = append(errs, err)
	}
	number := func(owner string, name bool, texts ...string) (ids []int32) {
		for _, text := range texts {
			id, ok := c.phrases.add(text, name)
			if !ok {
				errs = append(errs, fmt.Errorf("%s: phrase %q is shorter than %d bytes", owner, text, minPhrase+1))
				continue
			}
			ids = append(ids, id)
		}
		return ids
	}
	for _, p := range cat.providers {
		for _, id := range number("provider "+p.ID, true, slices.Concat(p.Text, p.Banner)...) {
			c.providerOf[id] = p.ID
		}
	}
	for _, l := range cat.lists {
		if slices.Contains(l.Groups, whitelists) {
			continue // Nobody is rejected for being on one.
		}
		for _, id := range number("blocklist "+l.ID, true, l.Names...) {
			c.listOf[id] = l.ID
		}
	}
	claims := map[string]string{}
	for i, r := range cat.replies {
		owner := "reply " + r.ID
		u := &rule{Reply: r, own: cat.own[r], order: i, also: number(owner, false, r.Match.Also...), not: number(owner, false, r.Match.Not...)}
		u.rank = rankOf(u)
		keys := r.codeKeys()
		text := number(owner, false, r.Match.Text...)
		for _, id := range text {
			c.byPhrase = grow(c.byPhrase, id)
			c.byPhrase[id] = append(c.byPhrase[id], u)
		}
		for _, near := range r.Match.Near {
			p, err := c.words.compile(near, c.phrases, u)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", owner, err))
				continue
			}
			c.byGroup = grow(c.byGroup, int32(len(c.words.groups)))
			c.byGroup[p.need[0]] = append(c.byGroup[p.need[0]], p)
		}
		switch {
		case len(text)+len(r.Match.Near) > 0:
		case r.Match.Blocklist:
			c.listed = append(c.listed, u)
		case len(keys) == 0:
			errs = append(errs, fmt.Errorf("%s: match says neither text nor code", owner))
		default:
			for _, k := range keys {
				c.byCode[k] = append(c.byCode[k], u)
			}
		}
		for _, claim := range u.claims(text) {
			if other, ok := claims[claim]; ok && other != r.ID {
				errs = append(errs, fmt.Errorf("%s: matches the same replies as %s with equal right (%s)", owner, other, claim))
			}
			claims[claim] = r.ID
		}
	}
	c.phrases.build()
	c.byPhrase = grow(c.byPhrase, int32(len(c.phrases.ids)))
	c.byGroup = grow(c.byGroup, int32(len(c.words.groups)))
	return c, errors.Join(errs...)
}

func grow[T any](s []T, i int32) []T {
	for int32(len(s)) <= i {
		s = append(s, *new(T))
	}
	return s
}

// codeKeys are the codes under which a rule without text is found: the enhanced ones if it names any.
func (r *Reply) codeKeys() []string {
	if len(r.Match.Enhanced) > 0 {
		return r.Match.Enhanced
	}
	var out []string
	for _, code := range r.Match.Codes {
		out = append(out, threeDigits(code))
	}
	return out
}

// claims are what a rule says that it alone matches, one for each combination of its conditions. Two rules with the same
// claim match the same reply with equal right.
func (u *rule) claims(text []int32) (out []string) {
	orNone := func(s []string) []string {
		if len(s) == 0 {
			return []string{""}
		}
		return s
	}
	var phrases, codes []string
	for _, id := range text {
		phrases = append(phrases, fmt.Sprint("phrase ", id))
	}
	for _, near := range u.Match.Near {
		phrases = append(phrases, "near "+near)
	}
	for _, code := range u.Match.Codes {
		codes = append(codes, threeDigits(code))
	}
	for _, p := range orNone(phrases) {
		for _, e := range orNone(u.Match.Enhanced) {
			for _, code := range orNone(codes) {
				for _, also := range orNone(u.Match.Also) {
					out = append(out, strings.Join([]string{fmt.Sprint(u.own), u.Provider, p, e, code, also, fmt.Sprint(u.Match.Blocklist, u.Sure)}, "|"))
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
