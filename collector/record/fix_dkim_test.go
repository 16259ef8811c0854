package record

import (
	"strings"
	"testing"
)

func TestFixDKIM(t *testing.T) {
	const rsa = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAONk0Tr+Q4oTXgVb9ft/BAaoErZ77QcUF1MSkDxobB2lQJKJj7WytBAt+YJftWdybU4kWyJA3YYKxOO5SMX5bQUCAwEAAQ=="
	const bare = "NsAiBMbF6VdKZczT64fkPxAgsLGZrXpvqBuC9K1FFao="
	const wrapped = "MCowBQYDK2VwAyEANsAiBMbF6VdKZczT64fkPxAgsLGZrXpvqBuC9K1FFao="
	for _, test := range []struct{ name, text, want string }{
		{"nothing is wrong", "v=DKIM1; k=rsa; n=made in May; p=" + rsa, "v=DKIM1; k=rsa; n=made in May; p=" + rsa},
		{"no version", "k=rsa; p=" + rsa, "k=rsa; p=" + rsa},
		{"a test", "v=DKIM1; t=y; p=" + rsa, "v=DKIM1; p=" + rsa},
		{"a test, not for subdomains", "v=DKIM1; t=s:y; p=" + rsa, "v=DKIM1; t=s; p=" + rsa},
		{"not for mail", "v=DKIM1; s=tlsrpt; p=" + rsa, "v=DKIM1; p=" + rsa},
		{"for mail, too", "v=DKIM1; s=tlsrpt:email; p=" + rsa, "v=DKIM1; s=tlsrpt:email; p=" + rsa},
		{"the old hash", "v=DKIM1; h=sha1; p=" + rsa, "v=DKIM1; p=" + rsa},
		{"a hash in capitals", "v=DKIM1; h=SHA256; p=" + rsa, "v=DKIM1; p=" + rsa},
		{"both hashes", "v=DKIM1; h=sha1:sha256; p=" + rsa, "v=DKIM1; h=sha1:sha256; p=" + rsa},
		{"the version last", "k=rsa; p=" + rsa + "; v=DKIM1", "v=DKIM1; k=rsa; p=" + rsa},
		{"the version misspelt", "v=dkim1; p=" + rsa, "v=DKIM1; p=" + rsa},
		{"names and type in capitals", "V=DKIM1; K=RSA; P=" + rsa, "v=DKIM1; k=rsa; p=" + rsa},
		{"from a zone file", `v=DKIM1\; k=rsa\; " "p=` + rsa[:40] + `" "` + rsa[40:], "v=DKIM1; k=rsa; p=" + rsa[:40] + " " + rsa[40:]},
		{"from a word processor", "\u201cv=DKIM1;\u00a0k=rsa; p=" + rsa + "\u201d", "v=DKIM1; k=rsa; p=" + rsa},
		{"without padding", "p=" + strings.TrimRight(rsa, "="), "p=" + rsa},
		{"a word alone", "v=DKIM1; t; p=" + rsa, "v=DKIM1; p=" + rsa},
		{"a tag twice", "v=DKIM1; k=rsa; k=rsa;; p=" + rsa, "v=DKIM1; k=rsa; p=" + rsa},
		{"two keys", "v=DKIM1; p=" + rsa + "; p=" + bare, ""},
		{"Ed25519 wrapped", "v=DKIM1; k=ed25519; p=" + wrapped, "v=DKIM1; k=ed25519; p=" + bare},
		{"Ed25519 without its type", "v=DKIM1; p=" + bare, "v=DKIM1; k=ed25519; p=" + bare},
		{"Ed25519 called RSA", "v=DKIM1; k=rsa; p=" + bare, ""},
		{"cut", "v=DKIM1; k=rsa; p=" + rsa[:60], ""},
		{"revoked", "v=DKIM1; p=", ""},
		{"no key", "v=DKIM1; k=rsa", ""},
		{"something else", "v=spf1 -all", ""},
		{"no text", "", ""},
		{"no end", strings.Repeat("v=DKIM1;", 1<<20), ""},
	} {
		got := FixDKIM(test.text)
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		if again := FixDKIM(got); got != "" && again != got {
			t.Errorf("%s: %q becomes %q", test.name, got, again)
		}
	}
}

// FuzzFixDKIM: what is proposed is a record with a key that can be used for mail.
func FuzzFixDKIM(f *testing.F) {
	f.Add("v=DKIM1; t=y; h=sha1; s=tlsrpt; k=ed25519; p=MCowBQYDK2VwAyEANsAiBMbF6VdKZczT64fkPxAgsLGZrXpvqBuC9K1FFao=")
	f.Fuzz(func(t *testing.T, text string) {
		fixed := FixDKIM(text)
		if fixed == "" {
			return
		}
		d, err := ParseDKIM(fixed)
		if err != nil {
			t.Fatalf("%q: %v", fixed, err)
		}
		if _, err := d.Key(); err != nil || !d.ForEmail() || !d.AllowsSHA256() || d.Testing() {
			t.Errorf("%q: %v", fixed, err)
		}
	})
}
