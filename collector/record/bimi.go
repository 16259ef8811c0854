package record

import (
	"fmt"
	"net/url"
)

// A BIMI says which logo mailbox providers may show beside the letters of a domain, at default._bimi.DOMAIN. It is described by an
// Internet-Draft, draft-brand-indicators-for-message-identification, and by no RFC.
type BIMI struct {
	Location string  // Tag l: where the logo is, an https URI. May be empty where there is evidence, which holds the logo too.
	Evidence string  // Tag a: where a certificate is that says whose logo it is, an https URI; "": there is none.
	Others   TagList // Other tags, avp and lps of later drafts among them.
}

const bimiVersion = "BIMI1"

// IsBIMI reports whether a TXT record is meant for BIMI: its first tag is v=BIMI1. Others are discarded before records are counted.
func IsBIMI(text string) bool {
	tags, _ := ParseTagList(text) // What stands before a mistake is enough.
	return len(tags) > 0 && tags[0] == Tag{"v", bimiVersion}
}

// ParseBIMI reads the record. Errors are those of ParseTagList, ErrVersion where v=BIMI1 is not first, ErrMissing without l, and ErrURI
// for a logo or evidence that is not at an https address.
func ParseBIMI(text string) (BIMI, error) {
	tags, err := ParseTagList(text)
	if err != nil {
		return BIMI{}, err
	}
	if tags[0] != (Tag{"v", bimiVersion}) {
		return BIMI{}, fmt.Errorf("%w: it does not begin with v=%s", ErrVersion, bimiVersion)
	}
	r := BIMI{}
	located := false
	for _, tag := range tags[1:] {
		switch tag.Name {
		case "l":
			r.Location, located = tag.Value, true
			err = httpsURI(tag)
		case "a":
			r.Evidence = tag.Value
			err = httpsURI(tag)
		default:
			r.Others = append(r.Others, tag)
		}
		if err != nil {
			return BIMI{}, err
		}
	}
	if !located {
		return BIMI{}, fmt.Errorf("tag l: %w", ErrMissing)
	}
	return r, nil
}

// httpsURI is an error unless a tag is empty or holds an https URI.
func httpsURI(tag Tag) error {
	if tag.Value == "" {
		return nil
	}
	if u, err := url.Parse(tag.Value); err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("tag %s: %w: %s is no https address", tag.Name, ErrURI, quote(tag.Value))
	}
	return nil
}

// Declined reports whether the domain says that it takes no part: logo and evidence are both empty.
func (r BIMI) Declined() bool { return r.Location == "" && r.Evidence == "" }

// String writes the record in canonical form.
func (r BIMI) String() string {
	tags := TagList{{"v", bimiVersion}, {"l", r.Location}}
	if r.Evidence != "" {
		tags = append(tags, Tag{"a", r.Evidence})
	}
	return append(tags, r.Others...).String()
}
