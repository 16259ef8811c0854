package targets

import (
	"strings"
	"testing"
)

// TestSyntax names the line in which the mistake is, where yaml.v3 names another or none.
func TestSyntax(t *testing.T) {
	const fit = "; is the line indented as it should be"
	for _, c := range []struct{ name, text, want string }{
		{"indented less than its neighbours", "domains:\n  - name: example.org\n    follow_mx: all\n   senders: []\n", "4:1: not YAML: did not find expected '-' indicator" + fit},
		{"an item indented less", "domains:\n  - name: example.org\n    senders:\n      - a.example\n     - b.example\n", "5:1: not YAML: did not find expected key" + fit},
		{"a bracket without quotes", "servers:\n  - address: [2001:db8::1]:25\n  - address: mx.example.org:25\n", "2:1: not YAML: did not find expected key" + fit},
		{"a brace too early", "senders:\n  - {address: 203.0.113.9}\n  - {address: ::1}\n", "3:1: not YAML: did not find expected node content" + fit},
		{"no space after the colon", "servers:\n  - address: mx.example.org:25\n    role:mta\n    tls: none\n", "3:1: not YAML: could not find expected ':'" + fit},
		{"a tab", "# Ours.\nresolver:\n\ttimeout: 5s\n", "3:1: not YAML: found character that cannot start any token; the line begins with a tab"},
		{"an asterisk", "domains: []\nown_servers:\n  - *.example.net\n", "3:1: not YAML: did not find expected alphabetic or numeric character; text that begins with an asterisk"},
		{"an alias of nothing", "domains: []\n\nservers: [*hunter2]\n", "3:1: not YAML: an alias (*name) refers to an anchor (&name) that is not there; text that begins"},
		{"an at sign", "domains: []\nhelo_name: @probe\n", "2:1: not YAML: found character that cannot start any token; text that begins with @"},
		{"a quote that is not closed", "# Ours.\nhelo_name: 'probe\ndomains: []\n", "2:1: not YAML: found unexpected end of stream; a quote is opened here"},
		{"a list that is not closed", "probe_allow: [\n  a.example,\n  b.example]\ndomains: [\n  {name: example.org}\nservers: []\n", "4:1: not YAML: did not find expected ',' or ']'; a bracket or brace is opened here"},
		{"a path of Windows", "domains: []\ntls: {ca_file: \"C:\\Users\\ca.pem\"}\n", "2:1: not YAML: did not find expected hexdecimal number; between double quotes"},
		{"in a second document", "domains: []\n---\n\n[\n", "4:1: not YAML: "},
		{"line ends of Windows", "domains: []\r\nhelo_name: @probe\r\n", "2:1: not YAML: found character"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("exporter.yml", []byte(c.text), testOptions())
			if err == nil || !strings.HasPrefix(err.Error(), "exporter.yml:"+c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// TestSyntaxOfLongText: where to look for the line would take too long, yaml.v3's own word has to do.
func TestSyntaxOfLongText(t *testing.T) {
	text := strings.Repeat("# "+strings.Repeat("x", 998)+"\n", 1200) + "helo_name: 'probe\n" + strings.Repeat("# y\n", 3)
	_, err := Parse("exporter.yml", []byte(text), testOptions())
	if want := "exporter.yml:1201:1: not YAML: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
