package spf

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	// The module brings the suite of RFC 7208 as a file. Its code is not used.
	_ "blitiri.com.ar/go/spf"
	"gopkg.in/yaml.v3"
)

// suiteCases is how many cases the published suite has, so that none is lost on the way here.
const suiteCases = 203

// severalResults are the cases for which the suite allows several results, and which of them is ours. RFC 7208 leaves the first
// to the resolver, which may join equal records; then what becomes of a name that cannot be asked for; and which
// names of an address are looked at, or put in, when there are many.
var severalResults = map[string]Result{
	"multispf1":                     PermError,
	"invalid-domain-empty-label":    Fail,
	"invalid-domain-long":           Fail,
	"invalid-domain-long-via-macro": Fail,
	"p-macro-multiple":              Pass,
	"ptr-limit":                     Pass,
}

// TestSuite decides every case of the test suite of RFC 7208 as the suite says, the explanations too.
func TestSuite(t *testing.T) {
	several := map[string]Result{}
	cases := 0
	for _, s := range readSuite(t) {
		resolver := s.zone()
		for name, c := range s.Tests {
			t.Run(s.Description+"/"+name, func(t *testing.T) {
				cases++
				sender, domain := c.MailFrom, c.MailFrom
				if sender == "" {
					domain = c.Helo
				}
				domain = domain[strings.LastIndexByte(domain, '@')+1:]
				e := CheckHost(t.Context(), resolver, netip.MustParseAddr(c.Host), domain, sender, c.Helo)
				if !slices.Contains(c.Result, string(e.Result)) {
					t.Errorf("got %s (%v), want %v", e.Result, e.Err, c.Result)
				}
				if decided := e.Result != None && e.Result != TempError && e.Result != PermError; decided != (e.Err == nil) {
					t.Errorf("%s comes with the error %v", e.Result, e.Err)
				}
				if len(c.Result) > 1 {
					several[name] = e.Result
				}
				// Nibbles are in upper case in the suite, and in lower case in RFC 7208 section 7.4.
				want := strings.TrimPrefix(c.Explanation, "DEFAULT")
				if got := e.Explain(t.Context(), "receiver.example", time.Unix(0, 0)); c.Explanation != "" && !strings.EqualFold(got, want) {
					t.Errorf("explained by %q, want %q", got, want)
				}
			})
		}
	}
	if cases != suiteCases {
		t.Errorf("%d cases, want %d", cases, suiteCases)
	}
	for name, want := range severalResults {
		if several[name] != want {
			t.Errorf("%s: %s, want %s of those allowed", name, several[name], want)
		}
	}
	if len(several) != len(severalResults) {
		t.Errorf("several results are allowed for %v", several)
	}
}

// A suite is one document of the file.
type suite struct {
	Description string
	Tests       map[string]struct {
		Helo, Host, Explanation string
		MailFrom                string `yaml:"mailfrom"`
		Result                  list
	}
	ZoneData map[string][]map[string]yaml.Node `yaml:"zonedata"`
}

// A list is a scalar or several.
type list []string

func (l *list) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*l = list{n.Value}
		return nil
	}
	return n.Decode((*[]string)(l))
}

func readSuite(t *testing.T) []suite {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "blitiri.com.ar/go/spf").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "testdata", "rfc7208-tests.yml"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var suites []suite
	for d := yaml.NewDecoder(file); ; {
		var s suite
		switch err := d.Decode(&s); {
		case errors.Is(err, io.EOF):
			return suites
		case err != nil:
			t.Fatal(err)
		}
		suites = append(suites, s)
	}
}

// zone makes a resolver of a document. The suite writes most records as of the former type SPF, and a name without
// a TXT record has these as TXT.
func (s suite) zone() *zone {
	z := newZone()
	for name, records := range s.ZoneData {
		name = strings.ToLower(name)
		spf := []string{}
		for _, r := range records {
			for rtype, node := range r {
				var values list
				if err := node.Decode(&values); err != nil {
					panic(err)
				}
				switch rtype {
				case "TIMEOUT", "CNAMELOOP":
					z.fails[name] = true
				case "SPF":
					spf = append(spf, strings.Join(values, ""))
				case "TXT":
					z.add(name, rtype, strings.Join(values, ""))
				case "MX":
					z.add(name, rtype, values[1])
				default:
					z.add(name, rtype, values...)
				}
			}
		}
		if len(z.records[name+" TXT"]) == 0 {
			z.add(name, "TXT", spf...)
		}
	}
	return z
}

// A zone is a Resolver that answers from a list.
type zone struct {
	records map[string][]string // By name and type.
	fails   map[string]bool     // Names of which any type that is not in records times out.
	asked   []string
}

func newZone() *zone { return &zone{records: map[string][]string{}, fails: map[string]bool{}} }

func (z *zone) add(name, rtype string, values ...string) {
	z.records[name+" "+rtype] = append(z.records[name+" "+rtype], values...)
}

var errTimeout = errors.New("no answer in time")

func (z *zone) ask(rtype, name string) ([]string, error) {
	name = strings.ToLower(name)
	z.asked = append(z.asked, name+" "+rtype)
	for range 8 {
		alias := z.records[name+" CNAME"]
		if alias == nil {
			break
		}
		name = strings.ToLower(alias[0])
	}
	found := slices.DeleteFunc(slices.Clone(z.records[name+" "+rtype]), func(s string) bool { return rtype == "TXT" && s == "NONE" })
	if len(found) == 0 && z.fails[name] {
		return nil, errTimeout
	}
	return found, nil
}

func (z *zone) TXT(_ context.Context, name string) ([]string, error) { return z.ask("TXT", name) }
func (z *zone) MX(_ context.Context, name string) ([]string, error)  { return z.ask("MX", name) }

func (z *zone) Addresses(_ context.Context, family int, name string) ([]netip.Addr, error) {
	found, err := z.ask(map[int]string{4: "A", 6: "AAAA"}[family], name)
	var addrs []netip.Addr
	for _, s := range found {
		addrs = append(addrs, netip.MustParseAddr(s))
	}
	return addrs, err
}

func (z *zone) PTR(_ context.Context, addr netip.Addr) ([]string, error) {
	labels := strings.Split(dotted(addr), ".")
	slices.Reverse(labels)
	suffix := ".ip6.arpa"
	if addr.Is4() {
		suffix = ".in-addr.arpa"
	}
	return z.ask("PTR", strings.Join(labels, ".")+suffix)
}
