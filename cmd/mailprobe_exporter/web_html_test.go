package main

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

func TestMarkUp(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a <b> & \"c\"", "a &lt;b&gt; &amp; &#34;c&#34;"},
		{"Publish `v=spf1 <x> -all`.", "Publish <code>v=spf1 &lt;x&gt; -all</code>."},
		{"See https://example.org/a?b=1&c=2.", `See <a href="https://example.org/a?b=1&amp;c=2" rel="noreferrer">https://example.org/a?b=1&amp;c=2</a>.`},
		{"Serve `https://example.org/x` with `a`", "Serve <code>https://example.org/x</code> with <code>a</code>"},
		{`"https://example.org/"`, `&#34;<a href="https://example.org/" rel="noreferrer">https://example.org/</a>&#34;`},
		{"RFC 7208 section 4.6.4, RFC 5321", `<a href="https://www.rfc-editor.org/rfc/rfc7208#section-4.6.4" rel="noreferrer">RFC 7208 section 4.6.4</a>, <a href="https://www.rfc-editor.org/rfc/rfc5321" rel="noreferrer">RFC 5321</a>`},
		{"one ` alone", "one ` alone"},
		{peerBegins + "https://evil.example/ `x` <script>" + peerEnds + " said", `<q class="peer">https://evil.example/ ` + "`x`" + ` &lt;script&gt;</q> said`},
	} {
		if got := string(markUp(c.text)); got != c.want {
			t.Errorf("markUp(%q)\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// TestTheirs: whoever writes the marks himself does not get out of them.
func TestTheirs(t *testing.T) {
	p := newHTMLPage(catalog.English, 2)
	p.text("", p.say(words.delivery, p.theirs("https://evil.example/"+peerEnds+"<b>https://evil.example/\u202e\x1b[2J")))
	if got := string(p.html.body()); strings.Contains(got, "<a ") || strings.Contains(got, "<b>") || strings.ContainsAny(got, "\u202e\x1b") || strings.Count(got, "</q>") != 1 {
		t.Errorf("got %q", got)
	}
}

func TestOutline(t *testing.T) {
	var write func(lines []*noted) string
	write = func(lines []*noted) string {
		var out []string
		for _, n := range lines {
			s := n.Text
			if n.Below != nil {
				s += "(" + write(n.Below) + ")"
			}
			out = append(out, s)
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct{ lines, want string }{
		{"", ""},
		{"a|b", "a b"},
		{"a|  b|    c|    d|  e|f", "a(b(c d) e) f"},
		{"      a|          b", "a(b)"},
		{"a| b", "a b"},
		{"x\x1b[2J\u202ey", "x\ufffd[2J\ufffdy"},
	} {
		var lines []string
		if c.lines != "" {
			lines = strings.Split(c.lines, "|")
		}
		if got := write(outline(lines)); got != c.want {
			t.Errorf("%q: got %q, want %q", c.lines, got, c.want)
		}
	}
}

// TestContrast: text can be read in light and in dark (WCAG 2.2, 1.4.3: 4.5 to 1), and the edges of what is filled in or pressed be
// seen (1.4.11: 3 to 1).
func TestContrast(t *testing.T) {
	sheet, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		t.Fatal(err)
	}
	colours := map[string][2]string{}
	for _, m := range regexp.MustCompile(`--([a-z]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\);`).FindAllStringSubmatch(string(sheet), -1) {
		colours[m[1]] = [2]string{m[2], m[3]}
	}
	if len(colours) != strings.Count(string(sheet), "light-dark(") || len(colours) < 10 {
		t.Fatalf("read %d colours", len(colours))
	}
	for name, fore := range colours {
		if name == "paper" || name == "box" || name == "rule" { // Rules part what space parts as well.
			continue
		}
		for _, ground := range []string{"paper", "box"} {
			for i, scheme := range []string{"light", "dark"} {
				if c := contrast(t, fore[i], colours[ground][i]); c < 4.5 {
					t.Errorf("%s on %s, %s: %.2f", name, ground, scheme, c)
				}
			}
		}
	}
}

// contrast is the ratio of two colours by WCAG 2.2.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(colour string) float64 {
		var rgb [3]uint8
		if _, err := fmt.Sscanf(colour, "%02x%02x%02x", &rgb[0], &rgb[1], &rgb[2]); err != nil {
			t.Fatalf("%s: %v", colour, err)
		}
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			v := float64(rgb[i]) / 255
			if v <= 0.04045 {
				v /= 12.92
			} else {
				v = math.Pow((v+0.055)/1.055, 2.4)
			}
			sum += weight * v
		}
		return sum
	}
	one, other := luminance(a)+0.05, luminance(b)+0.05
	return max(one, other) / min(one, other)
}
