package targets

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Inputs returns everything the configuration was made from, as Fingerprint takes it: exporter.yml, target
// files, catalogue files, the authorities' file and the files of passwords and keys.
func (c *Config) Inputs() []string {
	return slices.Concat(c.inputs, c.TargetFiles, c.CatalogFiles)
}

// TargetInputs returns what is always watched, as Fingerprint takes it: the globs of the target files.
func (c *Config) TargetInputs() []string { return slices.Clone(c.TargetFiles) }

// Fingerprint digests the names and contents of all files that globs lead to. It changes when a file changes,
// comes, goes, or can no longer be read.
func Fingerprint(globs []string) string {
	sum := sha256.New()
	for _, file := range expand(globs) {
		text, err := readRegular(file)
		if err != nil {
			text = []byte(reason(err))
		}
		fmt.Fprintf(sum, "%q %t %d\n", file, err == nil, len(text))
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// expand returns the files that globs lead to, in their order, those of one glob sorted, each once. As in a shell, a
// file whose name begins with a dot is one only if the glob says so: editors and Kubernetes leave such files beside
// the true ones. What is no glob is a file whether it exists or not.
func expand(globs []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, g := range globs {
		files := []string{unescape(g)}
		if isGlob(g) {
			files, _ = filepath.Glob(g) // Its form was looked at when it was read.
			files = slices.DeleteFunc(files, func(f string) bool {
				return strings.HasPrefix(filepath.Base(f), ".") && !strings.HasPrefix(filepath.Base(g), ".")
			})
		}
		for _, f := range files {
			if !seen[f] {
				seen[f] = true
				out = append(out, f)
			}
		}
	}
	return out
}

// isGlob reports whether a path holds a wildcard that is not escaped.
func isGlob(path string) bool {
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		}
	}
	return false
}

// escape makes a path one that, as a glob, leads to itself.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func unescape(g string) string {
	var b strings.Builder
	for i := 0; i < len(g); i++ {
		if g[i] == '\\' && i+1 < len(g) {
			i++
		}
		b.WriteByte(g[i])
	}
	return b.String()
}

var (
	errTooBig     = fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	errNotRegular = errors.New("it is not a file but a directory, a pipe or a device")
)

// readRegular reads a whole file; a pipe or device could hold us up for ever.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errNotRegular}
	}
	return readBounded(path)
}

// readBounded reads a file that is not too big.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errTooBig}
	}
	return text, nil
}

// reason is why a file cannot be read, without its path: what stands in a path's place may be a secret.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// under makes a path of a file absolute against its directory.
func (d *document) under(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(d.dir, path)
}

// globUnder is under for a glob.
func (d *document) globUnder(s string) (string, error) {
	if s == "" {
		return "", errors.New("want the path of a file or a pattern such as targets/*.yml")
	}
	if _, err := filepath.Match(s, ""); err != nil {
		return "", errors.New("want a pattern such as targets/*.yml; a bracket in this one is not closed")
	}
	if filepath.IsAbs(s) {
		return s, nil
	}
	return filepath.Join(escape(d.dir), s), nil
}
