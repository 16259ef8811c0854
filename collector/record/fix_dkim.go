package record

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"strings"
	"unicode"
)

// FixDKIM returns the record of a DKIM key (RFC 6376 section 3.6.1) without what is wrong with it, changed as little as that takes: what
// got in when it was copied, tags that forbid its use for mail or say that it is a test, an Ed25519 key that is not bare. The key
// itself stays. The result is "" where that does not make a key that receivers can use, because it was cut or revoked.
func FixDKIM(text string) string {
	if len(text) > maxText {
		return ""
	}
	tags := TagList{{"v", "DKIM1"}}
	seen := map[string]string{}
	for spec := range strings.SplitSeq(strings.Map(uncopied, text), ";") {
		tag, err := parseTag(trimFWS(spec))
		if err != nil {
			continue
		}
		if name := strings.ToLower(tag.Name); len(name) == 1 && strings.Contains("vkhstnp", name) {
			tag.Name = name
		}
		value, twice := seen[tag.Name]
		seen[tag.Name] = tag.Value
		switch {
		case tag.Name == "v" || twice && value == tag.Value:
		case twice:
			return "" // Nobody knows which is meant.
		case fixDKIMTag(&tag):
			tags = append(tags, tag)
		}
	}
	if _, versioned := seen["v"]; !versioned {
		tags = tags[1:] // RFC 6376 section 3.6.1: it is only recommended.
	}
	return withDKIMKey(tags)
}

// uncopied leaves out what tools, zone files and word processors put around the strings of a record.
func uncopied(r rune) rune {
	switch {
	case r == '"', r == '\\', unicode.Is(unicode.Pi, r), unicode.Is(unicode.Pf, r), unicode.Is(unicode.Cf, r), r == '\u201e':
		return -1
	case unicode.IsSpace(r):
		return ' '
	}
	return r
}

// fixDKIMTag makes a tag one that lets the key be used for mail. It returns false if that takes its absence.
func fixDKIMTag(tag *Tag) bool {
	switch tag.Name {
	case "k":
		tag.Value = strings.ToLower(tag.Value)
	case "h":
		words, err := colonList(*tag, keyword)
		return err == nil && DKIM{Hashes: words}.AllowsSHA256()
	case "s":
		words, err := colonList(*tag, func(s string) bool { return s == serviceAny || keyword(s) })
		return err == nil && DKIM{Services: words}.ForEmail()
	case "t":
		words, err := colonList(*tag, keyword)
		var left []string
		for _, w := range words {
			if w != "y" {
				left = append(left, w)
			}
		}
		tag.Value = strings.Join(left, ":")
		return err == nil && left != nil
	}
	return tag.Value != "" || tag.Name == "p"
}

// withDKIMKey writes the record of these tags with its key in the form that receivers read; "" if there is no key.
func withDKIMKey(tags TagList) string {
	keyType, typed := tags.Get("k")
	for i, tag := range tags {
		if tag.Name != "p" {
			continue
		}
		if over := len(strings.ReplaceAll(tag.Value, " ", "")) % 4; over > 1 {
			tag.Value += "=="[over-2:] // RFC 4648 section 3.2: padding is not optional.
		}
		data, err := decode(tag.Value)
		if bare, wrapped := bytes.CutPrefix(data, wrapping); err == nil && wrapped && (keyType == KeyEd25519 || !typed) {
			data, tag.Value = bare, base64.StdEncoding.EncodeToString(bare)
		}
		tags[i] = tag
		if !typed && len(data) == ed25519.PublicKeySize {
			tags = slices.Insert(tags, i, Tag{"k", KeyEd25519})
		}
		break
	}
	text := tags.String()
	d, err := ParseDKIM(text)
	if err != nil {
		return ""
	}
	if _, err := d.Key(); err != nil {
		return ""
	}
	return text
}
