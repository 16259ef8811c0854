package checks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// certNow is when the chains of these tests are judged.
var certNow = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const aDay = 24 * time.Hour

// An issuer is an authority of these tests.
type issuer struct {
	*x509.Certificate
	key crypto.Signer
}

func newTestKey() crypto.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// issue makes a certificate that by signs, or that signs itself if by is nil; change alters it first. It is valid from
// 30 days before certNow to 60 days after.
func issue(t testing.TB, by *issuer, name string, change func(*x509.Certificate)) *issuer {
	t.Helper()
	return issueFor(t, newTestKey(), by, name, change)
}

func issueFor(t testing.TB, key crypto.Signer, by *issuer, name string, change func(*x509.Certificate)) *issuer {
	t.Helper()
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: certNow.Add(-30 * aDay), NotAfter: certNow.Add(60 * aDay)}
	if change != nil {
		change(c)
	}
	parent, signer := c, key
	if by != nil {
		parent, signer = by.Certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{parseCertificate(t, der), key}
}

func parseCertificate(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func asCA(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	c.NotAfter = certNow.Add(300 * aDay)
}

func asMX(c *x509.Certificate) { c.DNSNames = []string{"mx.example.org"} }

// andThen alters a certificate twice.
func andThen(a, b func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) { a(c); b(c) }
}

// withSHA1 says of a certificate signed with RSA that SHA-1 was used, as Go itself no longer does. Nobody
// gets as far as the signature, which does not fit any more.
func withSHA1(t testing.TB, c *x509.Certificate) *x509.Certificate {
	t.Helper()
	const withRSA = "\x2a\x86\x48\x86\xf7\x0d\x01\x01" // 1.2.840.113549.1.1
	der := strings.ReplaceAll(string(c.Raw), withRSA+"\x0b", withRSA+"\x05")
	if der == string(c.Raw) {
		t.Fatal("the certificate is not signed with SHA-256 and RSA")
	}
	return parseCertificate(t, []byte(der))
}

func poolOf(list ...*issuer) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range list {
		pool.AddCert(c.Certificate)
	}
	return pool
}

func chainOf(list ...*issuer) (out []*x509.Certificate) {
	for _, c := range list {
		out = append(out, c.Certificate)
	}
	return out
}

// words is what a judgement says, in one line.
func words(j Judgement) string {
	var words []string
	for _, r := range j.Results {
		words = append(words, string(r))
	}
	return strings.Join(words, " ")
}

func TestJudge(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	stranger := issue(t, nil, "Stranger", asCA)
	middle := issue(t, root, "Middle", asCA)
	aia := func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.example.net/ca.der"} }
	expired := func(c *x509.Certificate) { c.NotAfter = certNow.Add(-aDay) }
	future := func(c *x509.Certificate) { c.NotBefore = certNow.Add(aDay) }
	client := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	address := func(c *x509.Certificate) {
		c.IPAddresses = []net.IP{net.ParseIP("192.0.2.1"), net.ParseIP("2001:db8::1")}
	}
	oldMiddle := issue(t, root, "Old middle", andThen(asCA, expired))
	newMiddle := issue(t, root, "New middle", andThen(asCA, future))
	noCA := issue(t, root, "No CA", nil)
	narrow := issue(t, root, "Narrow", andThen(asCA, func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.com"} }))
	flat := issue(t, root, "Flat", andThen(asCA, func(c *x509.Certificate) { c.MaxPathLenZero = true }))
	deep := issue(t, flat, "Deep", asCA)
	uses := func(u x509.KeyUsage) func(*x509.Certificate) { return func(c *x509.Certificate) { c.KeyUsage = u } }
	extended := func(u ...x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtKeyUsage = u }
	}
	clientMiddle := issue(t, root, "Clients", andThen(asCA, client))
	anyMiddle := issue(t, root, "Anything", andThen(asCA, extended(x509.ExtKeyUsageAny)))
	serverMiddle := issue(t, root, "Servers", andThen(asCA, extended(x509.ExtKeyUsageServerAuth)))
	mute := issue(t, root, "Mute", andThen(asCA, uses(x509.KeyUsageCRLSign)))
	named := issue(t, nil, "Named", andThen(asCA, aia))
	rsaKey := func(bits int) crypto.Signer {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	rsaMiddle := issueFor(t, rsaKey(2048), root, "RSA middle", asCA)
	oldRoot := issueFor(t, rsaKey(1024), nil, "Old root", asCA)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	leaf := func(by *issuer, change func(*x509.Certificate)) *issuer {
		return issue(t, by, "mx.example.org", andThen(asMX, change))
	}
	none := func(*x509.Certificate) {}

	for _, c := range []struct {
		name, server string
		chain        []*x509.Certificate
		want         string
	}{
		{"leaf and intermediate", "mx.example.org", chainOf(leaf(middle, none), middle), "ok"},
		{"upper case", "MX.example.ORG", chainOf(leaf(middle, none), middle), "ok"},
		{"root sent too", "mx.example.org", chainOf(leaf(middle, none), middle, root), "ok"},
		{"wrong order", "mx.example.org", chainOf(leaf(middle, none), root, middle), "ok"},
		{"Ed25519 key", "mx.example.org", chainOf(issueFor(t, edKey, middle, "", asMX), middle), "ok"},
		{"RSA of 2048 bits", "mx.example.org", chainOf(issueFor(t, rsaKey(2048), middle, "", asMX), middle), "ok"},
		{"wildcard", "a.example.org", chainOf(issue(t, middle, "", func(c *x509.Certificate) { c.DNSNames = []string{"*.example.org"} }), middle), "ok"},
		{"server is an IPv4 address", "192.0.2.1", chainOf(leaf(middle, address), middle), "ok"},
		{"server is an IPv6 address", "2001:db8::1", chainOf(leaf(middle, address), middle), "ok"},
		{"server is another address", "192.0.2.2", chainOf(leaf(middle, address), middle), "name_mismatch"},
		{"other name", "mx.example.com", chainOf(leaf(middle, none), middle), "name_mismatch"},
		{"common name only", "mx.example.org", chainOf(issue(t, middle, "mx.example.org", nil), middle), "name_mismatch"},
		{"expired", "mx.example.org", chainOf(leaf(middle, expired), middle), "expired"},
		{"expires this second", "mx.example.org", chainOf(leaf(middle, func(c *x509.Certificate) { c.NotAfter = certNow }), middle), "ok"},
		{"not yet valid", "mx.example.org", chainOf(leaf(middle, future), middle), "not_yet_valid"},
		{"expired with another name", "mx.example.com", chainOf(leaf(middle, expired), middle), "expired name_mismatch"},
		{"expired from an unknown authority", "mx.example.org", chainOf(leaf(stranger, expired)), "expired unknown_authority"},
		{"intermediate expired", "mx.example.org", chainOf(leaf(oldMiddle, none), oldMiddle), "expired"},
		{"intermediate not yet valid", "mx.example.org", chainOf(leaf(newMiddle, none), newMiddle), "not_yet_valid"},
		{"unknown authority", "mx.example.org", chainOf(leaf(stranger, none)), "unknown_authority"},
		{"unknown authority, root sent", "mx.example.org", chainOf(leaf(stranger, none), stranger), "unknown_authority"},
		{"unknown authority that names an address", "mx.example.org", chainOf(leaf(named, none), named), "unknown_authority"},
		{"self-signed", "mx.example.org", chainOf(leaf(nil, none)), "self_signed"},
		{"self-signed, all wrong", "mx.example.com", chainOf(issueFor(t, rsaKey(1024), nil, "", expired)), "expired name_mismatch self_signed weak"},
		{"intermediate missing, its address named", "mx.example.org", chainOf(leaf(issue(t, root, "Unseen", asCA), aia)), "incomplete_chain"},
		{"another intermediate sent", "mx.example.org", chainOf(leaf(issue(t, root, "Unseen", asCA), aia), oldMiddle), "incomplete_chain"},
		{"self-signed with an address", "mx.example.org", chainOf(leaf(nil, aia)), "self_signed"},
		{"RSA of 1024 bits", "mx.example.org", chainOf(issueFor(t, rsaKey(1024), middle, "", asMX), middle), "weak"},
		{"under an RSA key", "mx.example.org", chainOf(leaf(rsaMiddle, none), rsaMiddle), "ok"},
		{"under an old root, which is trusted all the same", "mx.example.org", chainOf(leaf(oldRoot, none), oldRoot), "ok"},
		{"signed with SHA-1", "mx.example.org", []*x509.Certificate{withSHA1(t, leaf(rsaMiddle, none).Certificate), rsaMiddle.Certificate}, "weak"},
		{"for clients", "mx.example.org", chainOf(leaf(middle, client), middle), "invalid"},
		{"for clients, expired", "mx.example.org", chainOf(leaf(middle, andThen(client, expired)), middle), "expired invalid"},
		{"key may sign no handshake", "mx.example.org", chainOf(leaf(middle, uses(x509.KeyUsageContentCommitment)), middle), "invalid"},
		{"key may only sign certificates", "mx.example.org", chainOf(leaf(middle, uses(x509.KeyUsageCertSign|x509.KeyUsageCRLSign)), middle), "invalid"},
		{"key may only decrypt", "mx.example.org", chainOf(issueFor(t, rsaKey(2048), middle, "", andThen(asMX, uses(x509.KeyUsageKeyEncipherment))), middle), "invalid"},
		{"key may only agree", "mx.example.org", chainOf(leaf(middle, uses(x509.KeyUsageKeyAgreement)), middle), "invalid"},
		{"key may sign", "mx.example.org", chainOf(leaf(middle, uses(x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment)), middle), "ok"},
		{"key may do nothing", "mx.example.org", chainOf(leaf(middle, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: oidKeyUsage, Critical: true, Value: []byte{3, 2, 0, 0}}}
		}), middle), "invalid"},
		{"an anchor that may only sign certificates", "mx.example.org", chainOf(leaf(nil, asCA)), "self_signed invalid"},
		{"for any use", "mx.example.org", chainOf(leaf(middle, extended(x509.ExtKeyUsageAny)), middle), "invalid"},
		{"for any use and servers", "mx.example.org", chainOf(leaf(middle, extended(x509.ExtKeyUsageAny, x509.ExtKeyUsageServerAuth)), middle), "ok"},
		{"for clients and servers", "mx.example.org", chainOf(leaf(middle, extended(x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth)), middle), "ok"},
		{"for an unknown use", "mx.example.org", chainOf(leaf(middle, func(c *x509.Certificate) {
			c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 2, 3, 4}}
		}), middle), "invalid"},
		{"for clients, self-signed", "mx.example.org", chainOf(leaf(nil, client)), "self_signed invalid"},
		{"for clients, from an unknown authority", "mx.example.org", chainOf(leaf(stranger, client)), "unknown_authority invalid"},
		{"under an authority for clients", "mx.example.org", chainOf(leaf(clientMiddle, none), clientMiddle), "invalid"},
		{"under an authority for anything", "mx.example.org", chainOf(leaf(anyMiddle, none), anyMiddle), "invalid"},
		{"under an authority for servers", "mx.example.org", chainOf(leaf(serverMiddle, none), serverMiddle), "ok"},
		{"under an authority that may not sign", "mx.example.org", chainOf(leaf(mute, none), mute), "invalid"},
		{"issued by no authority", "mx.example.org", chainOf(leaf(noCA, none), noCA), "invalid"},
		{"name not permitted", "mx.example.org", chainOf(leaf(narrow, none), narrow), "invalid"},
		{"path too long", "mx.example.org", chainOf(leaf(deep, none), deep, flat), "invalid"},
		{"unknown critical extension", "mx.example.org", chainOf(leaf(middle, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}), middle), "invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := NewVerifier(poolOf(root, oldRoot))
			for _, run := range []string{"first", "second"} {
				if got := words(v.Judge(c.chain, c.server, certNow)); got != c.want {
					t.Errorf("%s run: results %q, want %q", run, got, c.want)
				}
			}
		})
	}
}

// TestJudgeSelfIssued: RFC 5280 section 6.1.4 (l), certificates that an authority issues to itself do not count against the length
// of a path, neither its own limit nor that of the trust anchor.
func TestJudgeSelfIssued(t *testing.T) {
	flat := func(c *x509.Certificate) { c.MaxPathLenZero = true }
	for _, c := range []struct {
		name             string
		root, ca, deeper func(*x509.Certificate)
		selfIssued       bool
		want             string
	}{
		{"next key", asCA, andThen(asCA, flat), nil, true, "ok"},
		{"next key, the anchor limits the path", andThen(asCA, func(c *x509.Certificate) { c.MaxPathLen = 1 }), andThen(asCA, flat), nil, true, "ok"},
		{"without the next key", asCA, andThen(asCA, flat), nil, false, "ok"},
		{"another authority below", asCA, andThen(asCA, flat), asCA, false, "invalid"},
		{"another authority below the next key", asCA, andThen(asCA, flat), asCA, true, "invalid"},
		{"the anchor takes none", andThen(asCA, flat), asCA, nil, true, "invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := issue(t, nil, "Root", c.root)
			top := issue(t, root, "CA", c.ca)
			chain := []*issuer{top}
			if c.selfIssued {
				top = issue(t, top, "CA", c.ca)
				chain = append(chain, top)
			}
			if c.deeper != nil {
				top = issue(t, top, "Deeper", c.deeper)
				chain = append(chain, top)
			}
			chain = append(chain, issue(t, top, "", asMX))
			slices.Reverse(chain)
			v := NewVerifier(poolOf(root))
			for range 2 {
				if got := v.Judge(chainOf(chain...), "mx.example.org", certNow); words(got) != c.want {
					t.Errorf("results %q (%s), want %q", words(got), got.Invalid, c.want)
				}
			}
		})
	}
}

// TestUnsuitable: what the server needs its key for depends on the handshake, and people are told what is missing.
func TestUnsuitable(t *testing.T) {
	leaf := issue(t, nil, "", andThen(asMX, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })).Certificate
	if got := unsuitable(leaf, neededUsage(&tls.ConnectionState{CipherSuite: tls.TLS_RSA_WITH_AES_128_GCM_SHA256})); got.EN != "" {
		t.Errorf("RSA key exchange: got %q", got)
	}
	const want = "its keyUsage is keyEncipherment, and TLS needs digitalSignature"
	for _, suite := range []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256} {
		if got := unsuitable(leaf, neededUsage(&tls.ConnectionState{CipherSuite: suite})); got.EN != want {
			t.Errorf("%s: got %q, want %q", tls.CipherSuiteName(suite), got, want)
		}
	}
	if got := neededUsage(nil); got != x509.KeyUsageDigitalSignature {
		t.Errorf("unknown: got %v", got)
	}
}

// TestJudgeRemembered looks at a chain that was verified before: dates, names and trust anchors still count.
func TestJudgeRemembered(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	middle := issue(t, root, "Middle", andThen(asCA, func(c *x509.Certificate) { c.NotAfter = certNow.Add(40 * aDay) }))
	leaf := issue(t, middle, "", asMX)
	chain := chainOf(leaf, middle)
	v := NewVerifier(poolOf(root))
	for _, c := range []struct {
		name string
		now  time.Time
		want string
	}{
		{"mx.example.org", certNow, "ok"},
		{"mx.example.com", certNow, "name_mismatch"},
		{"mx.example.org", certNow.Add(41 * aDay), "expired"}, // The intermediate.
		{"mx.example.org", certNow.Add(61 * aDay), "expired"},
		{"mx.example.org", certNow.Add(-31 * aDay), "not_yet_valid"},
		{"mx.example.org", certNow, "ok"},
	} {
		if got := words(v.Judge(chain, c.name, c.now)); got != c.want {
			t.Errorf("%s at %v: results %q, want %q", c.name, c.now, got, c.want)
		}
	}
	if n := len(v.verified.young); n != 1 {
		t.Errorf("%d chains are remembered, want 1", n)
	}
	if got := words(NewVerifier(x509.NewCertPool()).Judge(chain, "mx.example.org", certNow)); got != "unknown_authority" {
		t.Errorf("without trust anchors: results %q, want unknown_authority", got)
	}
	// The same leaf under another intermediate is another chain.
	forged := issue(t, issue(t, nil, "Root", asCA), "Middle", asCA)
	if got := words(v.Judge(chainOf(leaf, forged), "mx.example.org", certNow)); got == "ok" {
		t.Error("a chain that was never verified is taken for one that was")
	}
}

// TestJudgeOtherPath has a chain with two paths, one after the other.
func TestJudgeOtherPath(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	first := issue(t, root, "Middle", andThen(asCA, func(c *x509.Certificate) { c.NotAfter = certNow.Add(20 * aDay) }))
	second := issueFor(t, first.key, root, "Middle", andThen(asCA, func(c *x509.Certificate) { c.NotBefore = certNow.Add(10 * aDay) }))
	chain := chainOf(issue(t, first, "", asMX), first, second)
	v := NewVerifier(poolOf(root))
	for _, days := range []int{0, 15, 30} {
		if got := words(v.Judge(chain, "mx.example.org", certNow.Add(time.Duration(days)*aDay))); got != "ok" {
			t.Errorf("after %d days: results %q, want ok", days, got)
		}
	}
}

// TestJudgeSeenElsewhere completes a chain with an intermediate that another server sent.
func TestJudgeSeenElsewhere(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	middle := issue(t, root, "Middle", asCA)
	stranger := issue(t, nil, "Stranger", asCA)
	v := NewVerifier(poolOf(root))
	bare := chainOf(issue(t, middle, "", asMX))
	if got := words(v.Judge(bare, "mx.example.org", certNow)); got != "unknown_authority" {
		t.Errorf("before: results %q, want unknown_authority", got)
	}
	v.Judge(chainOf(issue(t, middle, "", asMX), middle), "mx.example.org", certNow)
	v.Judge(chainOf(issue(t, stranger, "", asMX), stranger), "mx.example.org", certNow)
	for range 2 {
		if got := words(v.Judge(bare, "mx.example.org", certNow)); got != "incomplete_chain" {
			t.Errorf("after: results %q, want incomplete_chain", got)
		}
	}
	if got := words(v.Judge(bare, "mx.example.org", certNow.Add(61*aDay))); got != "expired incomplete_chain" {
		t.Errorf("expired: results %q, want expired incomplete_chain", got)
	}
	if v.seenSize != 1 {
		t.Errorf("%d intermediates are remembered, want only the trusted one", v.seenSize)
	}
}

func TestJudgeAbove(t *testing.T) {
	ends := func(days int) func(*x509.Certificate) {
		return andThen(asCA, func(c *x509.Certificate) { c.NotAfter = certNow.Add(time.Duration(days) * aDay) })
	}
	oldRoot, root := issue(t, nil, "Old root", ends(5)), issue(t, nil, "Root", ends(400))
	middle := issue(t, root, "Middle", ends(50))
	cross := issueFor(t, root.key, oldRoot, "Root", ends(4)) // For those who have only the old root.
	leaf := issue(t, middle, "", asMX)
	v := NewVerifier(poolOf(oldRoot, root))
	for _, c := range []struct {
		name  string
		chain []*x509.Certificate
		want  *issuer
	}{
		{"intermediate", chainOf(leaf, middle), middle},
		{"root sent", chainOf(leaf, middle, root), middle},
		{"the cross-signed root is not needed", chainOf(leaf, middle, cross), middle},
		{"none", chainOf(issue(t, root, "", asMX)), nil},
		{"unverified: all that was sent", chainOf(issue(t, nil, "", asMX), middle, cross), cross},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 2 {
				got := v.Judge(c.chain, "mx.example.org", certNow).Above
				switch {
				case c.want == nil && got != nil:
					t.Errorf("above the leaf is %q, want nothing", got.Subject.CommonName)
				case c.want != nil && !c.want.Equal(got):
					t.Errorf("above the leaf is %v, want %q", got, c.want.Subject.CommonName)
				}
			}
		})
	}
}

// TestJudgeHostile judges what a malicious peer can send within the limits of a session and beyond.
func TestJudgeHostile(t *testing.T) {
	root := issue(t, nil, "Root", asCA)
	many := issue(t, root, "", func(c *x509.Certificate) {
		for i := range 10_000 {
			c.DNSNames = append(c.DNSNames, fmt.Sprintf("mx%d.example.com", i))
		}
	})
	v := NewVerifier(poolOf(root))
	if got := words(v.Judge(chainOf(many), "mx.example.org", certNow)); got != "name_mismatch" {
		t.Errorf("10,000 names: results %q, want name_mismatch", got)
	}
	if line := certificateEvidence(CertificateNameMismatch, Judgement{}, many.Certificate, "mx.example.org").EN; len(line) > 200 || !strings.Contains(line, "mx4.example.com and 9995 more, not for mx.example.org") {
		t.Errorf("10,000 names: evidence is %.300q", line)
	}

	long := []*issuer{issue(t, nil, "Nobody", asCA)}
	for i := range 99 {
		long = append(long, issue(t, long[i], fmt.Sprint("Level ", i), asCA))
	}
	slices.Reverse(long)
	if got := words(v.Judge(chainOf(long...), "mx.example.org", certNow)); got != "name_mismatch unknown_authority invalid" {
		t.Errorf("chain of 100: results %q, want name_mismatch unknown_authority invalid", got)
	}

	deep := []*issuer{root}
	for i := range 30 {
		deep = append(deep, issue(t, deep[i], fmt.Sprint("Deep ", i), asCA))
	}
	if got := words(NewVerifier(poolOf(root)).Judge(append(chainOf(issue(t, deep[30], "", asMX)), chainOf(deep[1:]...)...), "mx.example.org", certNow)); got != "ok" {
		t.Errorf("chain of 31: results %q, want ok", got)
	}

	// Each of these may have issued each other: there are more paths than anybody can try.
	a, b := issue(t, nil, "A", asCA), issue(t, nil, "B", asCA)
	var maze []*issuer
	for range 5 {
		maze = append(maze, issueFor(t, a.key, b, "A", asCA), issueFor(t, b.key, a, "B", asCA))
	}
	chain := append(chainOf(issue(t, a, "", asMX)), chainOf(maze...)...)
	if got := words(v.Judge(chain, "mx.example.org", certNow)); got != "unknown_authority" && got != "invalid" {
		t.Errorf("maze: results %q, want unknown_authority or invalid", got)
	}
	if len(v.verified.young) != 1 {
		t.Errorf("%d chains are remembered, want only the one that verified", len(v.verified.young))
	}
}

func TestGenerations(t *testing.T) {
	var g generations
	key := func(i int) (k [32]byte) {
		k[0], k[1], k[2] = byte(i), byte(i>>8), byte(i>>16)
		return k
	}
	g.put(key(0), verdict{above: 7})
	for i := range 3 * maxVerified {
		g.put(key(i+1), verdict{})
		if v, ok := g.get(key(0)); !ok || v.above != 7 {
			t.Fatalf("a verdict in use is forgotten after %d others", i)
		}
		if n := len(g.young) + len(g.old); n > 2*maxVerified {
			t.Fatalf("%d verdicts are remembered, %d are the limit", n, 2*maxVerified)
		}
	}
	if _, ok := g.get(key(1)); ok {
		t.Error("a verdict that nobody asks for is remembered for ever")
	}
}
