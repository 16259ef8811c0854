package checks

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/record"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
)

// The policy of MTA-STS is fetched as senders do it (RFC 8461 section 3.3): https://mta-sts.DOMAIN/.well-known/mta-sts.txt, with a certificate
// that verifies for mta-sts.DOMAIN, status 200, no redirect. One request and one answer are written and read here by hand on a
// connection of ours, instead of by an http.Client, since the whole point is what is not done: no proxy of the
// environment, no HTTP/2, no redirect, no decompression, no connection kept, no address but those that were looked at before.

const (
	// policyTimeout is how long a sender waits for the file. RFC 8461 section 3.3 suggests one minute.
	policyTimeout = time.Minute
	// policyConnect is how long one address may take to answer, so that the next has its turn.
	policyConnect = 10 * time.Second
	// maxPolicyAddresses is how many addresses of the policy host are tried, one after the other.
	maxPolicyAddresses = 4
	maxPolicyHeader    = 32 << 10
	// maxPolicyWire is how much may come under TLS for a body of the greatest length: chunks have lines of their own.
	maxPolicyWire      = 4 * record.MaxSTSPolicy
	maxPolicyHandshake = 128 << 10 // Octets of the server.
	maxPolicyChain     = 100       // As for servers.
	maxInterim         = 5         // Answers 1xx before the real one.
	policyPath         = "/.well-known/mta-sts.txt"
)

// errNotServed is what senders run into too: the policy cannot be had. Other errors of fetchPolicy say nothing of the domain.
var errNotServed = errors.New("the policy cannot be fetched")

// notServed makes an error of this kind.
func notServed(why catalog.Text) error {
	return worded{say("the policy cannot be fetched: %s", why), errNotServed}
}

// A fetchError is one of a web server that was asked for the file.
type fetchError struct{ error }

// Unwrap returns what happened.
func (e fetchError) Unwrap() error { return e.error }

// A policyFile is the file of a policy as it was served.
type policyFile struct {
	body       string   // At most one octet more than it may have.
	mediaTypes []string // The fields Content-Type of the answer; there should be one.
	alias      string   // What the host is an alias of; "" if it is none.
}

// plainText reports whether a file is served as RFC 8461 section 3.2 has it: "text/plain", to guard against servers that let
// strangers upload files and serve them as something else.
func (f policyFile) plainText() bool {
	if len(f.mediaTypes) != 1 {
		return false
	}
	kind, _, err := mime.ParseMediaType(f.mediaTypes[0])
	return kind == "text/plain" && (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter))
}

// served says how a file was served, for people.
func (f policyFile) served() catalog.Text {
	switch len(f.mediaTypes) {
	case 0:
		return say("without Content-Type")
	case 1:
		return say("as %s", quoteRecord(f.mediaTypes[0]))
	}
	return say("with %d fields Content-Type, %s and %s", len(f.mediaTypes), quoteRecord(f.mediaTypes[0]), quoteRecord(f.mediaTypes[1]))
}

// fetchPolicy returns the policy file of the round's domain. Its errors are errNotServed and those by
// which nothing is known: DNS that could not tell, no way to the host, and silence, since the way to port 443 may be
// closed for us alone. Of a host that is an alias they name where it leads.
func fetchPolicy(ctx context.Context, r *Round) (policyFile, error) {
	host := "mta-sts." + r.Target.Name
	known := lookUpExchanger(ctx, r, host)
	file, err := fetchPolicyFrom(ctx, r, known)
	if n := len(known.aliases); n > 0 {
		file.alias = known.aliases[n-1]
		if err != nil {
			err = worded{say("%s; %s is an alias of %s", wordsOf(err), host, file.alias), err}
		}
	}
	return file, err
}

// fetchPolicyFrom fetches the file from the first address of a host that answers.
func fetchPolicyFrom(ctx context.Context, r *Round, known exchanger) (policyFile, error) {
	ctx, cancel := context.WithTimeout(ctx, policyTimeout)
	defer cancel()
	switch {
	case len(known.addrs) > 0:
	case known.err != nil:
		return policyFile{}, known.err
	case known.noName:
		return policyFile{}, unservedError{notServed(say("%s does not exist (NXDOMAIN)", known.host)), catalog.Values{catalog.ValueUnresolved: known.host}}
	default:
		return policyFile{}, unservedError{notServed(say("%s has no address", known.host)), catalog.Values{catalog.ValueUnresolved: known.host}}
	}
	var unknown, failed error
	for _, addr := range known.addrs[:min(len(known.addrs), maxPolicyAddresses)] {
		file, connected, err := fetchFrom(ctx, r, known.host, addr)
		switch {
		case connected:
			return file, err
		case errors.Is(err, errNotServed):
			failed = err
		default:
			unknown = errors.Join(unknown, err)
		}
	}
	if unknown = errors.Join(unknown, known.err); unknown != nil {
		return policyFile{}, unknown
	}
	return policyFile{}, failed
}

// fetchFrom fetches the file from one address. Unless there was a connection, another address may be tried.
func fetchFrom(ctx context.Context, r *Round, host string, addr netip.Addr) (file policyFile, connected bool, err error) {
	if !r.Env.Config.Allowed(addr) {
		return policyFile{}, false, notServed(say("%s has address %s, which is no public one", host, addr))
	}
	if err := r.Env.Route(addr); err != nil {
		return policyFile{}, false, fmt.Errorf("%w: %w", ErrNoRoute, err)
	}
	leave, err := r.Env.Enter(ctx, addr)
	if err != nil {
		return policyFile{}, false, err
	}
	defer leave(nil)

	defer func() {
		if err != nil {
			err = fetchError{err}
		}
	}()
	to := netip.AddrPortFrom(addr, 443)
	connecting, cancel := context.WithTimeout(ctx, policyConnect)
	socket, err := r.Env.Dialer.DialContext(connecting, "tcp", to.String())
	cancel()
	switch {
	case smtpclient.IsRefused(err):
		return policyFile{}, false, notServed(say("%s refuses the connection", to))
	case err != nil:
		return policyFile{}, false, fmt.Errorf("connect to %s: %w", host, err)
	}
	defer socket.Close()
	stop := context.AfterFunc(ctx, func() { _ = socket.SetDeadline(time.Unix(1, 0)) }) // Ends what is being read.
	defer stop()

	wire := &io.LimitedReader{R: socket, N: maxPolicyHandshake}
	conn := tls.Client(bounded{socket, wire}, policyTLS(r, host))
	if err := conn.HandshakeContext(context.WithoutCancel(ctx)); err != nil {
		return policyFile{}, true, policyError(ctx, to, "TLS handshake", err)
	}
	wire.N = maxPolicyHeader + maxPolicyWire
	file, said, err := getPolicy(conn, host)
	r.Env.Witnesses.sawClock(r, addr, said)
	if err != nil {
		return policyFile{}, true, policyError(ctx, to, "HTTP", err)
	}
	return file, true, nil
}

// A bounded connection gives no more than its reader.
type bounded struct {
	net.Conn
	r io.Reader
}

func (b bounded) Read(p []byte) (int, error) { return b.r.Read(p) }

// policyError says whether what broke a connection off is the server's doing.
func policyError(ctx context.Context, to netip.AddrPort, during string, err error) error {
	var e net.Error
	switch {
	case errors.Is(err, errNotServed):
		return worded{say("%s, by %s", wordsOf(err), to), err}
	case ctx.Err() != nil || errors.As(err, &e) && e.Timeout():
		return fmt.Errorf("fetch policy: %s with %s: %w", during, to, err)
	}
	return notServed(say("%s with %s: %s", during, to, quoteRecord(err.Error())))
}

// policyTLS demands a certificate that a sender would take. RFC 8461 section 3.3: it must be valid for the DNS-ID
// mta-sts.DOMAIN, in a chain to a trust anchor.
func policyTLS(r *Round, host string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: host,
		NextProtos: []string{"http/1.1"},
		// The certificate is judged below, before anything is asked, so that all its faults are told and not the first.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			chain := state.PeerCertificates
			if len(chain) > maxPolicyChain {
				return notServed(say("%d certificates are sent", len(chain)))
			}
			var faults []catalog.Text
			judgement := r.Env.Verifier.judge(chain, host, r.Time, neededUsage(&state))
			for _, result := range judgement.Results {
				switch result {
				case CertificateOK, CertificateWeak:
				case CertificateInvalid:
					faults = append(faults, say("%s (%s)", result, judgement.Invalid))
				default:
					faults = append(faults, same(string(result)))
				}
			}
			if faults == nil {
				return nil
			}
			why := notServed(say("the certificate for %s is not good: %s", host, listed(faults, ", ")))
			return unservedError{why, catalog.Values{catalog.ValueUnverified: host}}
		},
	}
}

// getPolicy asks for the file on a connection that is secure. Whatever the answer is, its time is said.
func getPolicy(conn net.Conn, host string) (file policyFile, said dated, err error) {
	asked := time.Now()
	_, err = io.WriteString(conn, "GET "+policyPath+" HTTP/1.1\r\nHost: "+host+
		"\r\nUser-Agent: mailprobe_exporter\r\nAccept: text/plain\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n")
	if err != nil {
		return policyFile{}, dated{}, err
	}
	in := &io.LimitedReader{R: conn, N: maxPolicyHeader}
	answers := bufio.NewReader(in)
	response, err := readResponse(answers)
	switch {
	case err != nil && in.N == 0:
		return policyFile{}, dated{}, notServed(say("the header is longer than %d octets", maxPolicyHeader))
	case err != nil:
		return policyFile{}, dated{}, err
	}
	defer response.Body.Close()
	if date, ok := httpDate(response.Header); ok {
		said = dated{date, asked, time.Now()}
	}
	switch code := response.StatusCode; {
	case code/100 == 3:
		// RFC 8461 section 3.3: redirects must not be followed.
		return policyFile{}, said, notServed(say("status %d, a redirect, and senders follow none", code))
	case code != http.StatusOK:
		return policyFile{}, said, notServed(say("status %d", code))
	}
	in.N = maxPolicyWire
	body, err := io.ReadAll(io.LimitReader(response.Body, record.MaxSTSPolicy+1))
	return policyFile{body: string(body), mediaTypes: response.Header.Values("Content-Type")}, said, err
}

// readResponse reads the header of the answer, and passes over interim ones (RFC 9110 section 15.2).
func readResponse(r *bufio.Reader) (*http.Response, error) {
	for range maxInterim {
		response, err := http.ReadResponse(r, &http.Request{Method: http.MethodGet})
		if err != nil || response.StatusCode/100 != 1 {
			return response, err
		}
	}
	return nil, errors.New("nothing but interim answers")
}

// Policies remember which policy each domain served under which id, because the file does not say its id: only over time
// is it seen that one was changed without the other. All rounds share it. The zero value is ready; nil
// remembers nothing.
type Policies struct {
	mu       sync.Mutex
	editions map[string]edition     // By domain.
	failures map[string]fetchFailed // By domain: the last fetch, where it failed.
}

// An edition is the policy first seen under an id.
type edition struct {
	id     string
	policy [32]byte // Digest of the canonical text.
	until  time.Time
}

// maxEditions is how many domains are remembered; of more, some are forgotten.
const maxEditions = 20_000

// A fetchFailed is why the policy of an id was not had.
type fetchFailed struct {
	id  string
	at  time.Time
	err error
}

// fetchPause is how long nobody asks again who was not given the policy of an id (RFC 8461 section 3.3: five minutes), less what rounds
// may come early.
const fetchPause = 5*time.Minute - 10*time.Second

// failed returns why the last fetch failed, if it is too early for another one; nil if the policy may be fetched.
func (p *Policies) failed(domain, id string, now time.Time) error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.failures[domain]
	if since := now.Sub(last.at); !ok || last.id != id || since < 0 || since >= fetchPause {
		return nil
	}
	return last.err
}

// fetched notes how a fetch ended. One in which no web server was asked may be repeated at any time.
func (p *Policies) fetched(domain, id string, now time.Time, err error) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.failures, domain)
	if asked := (fetchError{}); !errors.As(err, &asked) {
		return
	}
	if len(p.failures) >= maxEditions {
		for one := range p.failures {
			delete(p.failures, one)
			break
		}
	}
	if p.failures == nil {
		p.failures = map[string]fetchFailed{}
	}
	p.failures[domain] = fetchFailed{id, now, err}
}

// differs reports whether another policy was served before under the same id, which senders may still hold. When that has run
// out at all of them, they fetch the present one, and nothing is wrong any more.
func (p *Policies) differs(domain, id string, digest [32]byte, maxAge time.Duration, now time.Time) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	first, known := p.editions[domain]
	if known && first.id == id && first.policy != digest && now.Before(first.until) {
		return true
	}
	if !known && len(p.editions) >= maxEditions {
		for one := range p.editions {
			delete(p.editions, one)
			break
		}
	}
	if p.editions == nil {
		p.editions = map[string]edition{}
	}
	p.editions[domain] = edition{id, digest, now.Add(maxAge)}
	return false
}
