package record

import (
	"fmt"
	"net/url"
	"strings"
)

// A TLSRPT says where senders report whether they could encrypt mail to the domain, at _smtp._tls.DOMAIN (RFC 8460 section 3).
type TLSRPT struct {
	Reports []string // Field rua: mailto and https URIs, as written; at least one.
	Others  TagList  // Fields that the standard does not define. They mean nothing.
}

const tlsrptVersion = "TLSRPTv1"

// IsTLSRPT reports whether a TXT record counts as one of TLS-RPT. RFC 8460 section 3: records that do not begin with "v=TLSRPTv1;" are
// discarded before they are counted.
func IsTLSRPT(text string) bool { return begins(text, tlsrptVersion) }

// ParseTLSRPT reads the record. Errors are ErrVersion, ErrMissing without rua, ErrURI for an address in it that nobody can report to, and
// ErrSyntax, ErrDuplicate and ErrTooLong.
func ParseTLSRPT(text string) (TLSRPT, error) {
	fields, err := parseFields(text, tlsrptVersion)
	if err != nil {
		return TLSRPT{}, err
	}
	r := TLSRPT{}
	for _, f := range fields {
		if f.Name != "rua" {
			r.Others = append(r.Others, f)
			continue
		}
		// RFC 8460 section 3: a comma that belongs to a URI is written as %2C.
		for uri := range strings.SplitSeq(f.Value, ",") {
			if uri = strings.Trim(uri, " \t"); !reportURI(uri) {
				return TLSRPT{}, fmt.Errorf("field rua: %w: %s", ErrURI, quote(uri))
			}
			r.Reports = append(r.Reports, uri)
		}
	}
	if r.Reports == nil {
		return TLSRPT{}, fmt.Errorf("field rua: %w", ErrMissing)
	}
	return r, nil
}

// reportURI reports whether a sender can report to a URI: mailto with an address, or https with a host. No other schemes are defined.
func reportURI(s string) bool {
	if strings.ContainsAny(s, "! \t") {
		return false // RFC 8460 section 3: an exclamation mark is written as %21.
	}
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "mailto":
		at := strings.LastIndexByte(u.Opaque, '@')
		return at > 0 && at < len(u.Opaque)-1
	case "https":
		return u.Hostname() != ""
	}
	return false
}

// String writes the record, rua first.
func (r TLSRPT) String() string {
	return append(TagList{{"v", tlsrptVersion}, {"rua", strings.Join(r.Reports, ",")}}, r.Others...).String()
}
