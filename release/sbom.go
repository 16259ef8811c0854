package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The SBOM is a CycloneDX 1.5 document (https://cyclonedx.org/docs/1.5/json/): what the programs say of themselves (go version -m), all
// platforms together.
type (
	sbom struct {
		Format       string       `json:"bomFormat"`
		SpecVersion  string       `json:"specVersion"`
		Serial       string       `json:"serialNumber"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Ref      string     `json:"bom-ref"`
		Type     string     `json:"type"`
		Name     string     `json:"name"`
		Version  string     `json:"version"`
		PURL     string     `json:"purl"`
		Licences []licensed `json:"licenses"`
	}
	licensed struct {
		Expression string `json:"expression"`
	}
	dependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

// writeSBOM makes the SBOM of programs.
func writeSBOM(ctx context.Context, v version, binaries []string, out string) error {
	all, err := modules(ctx)
	if err != nil {
		return err
	}
	linked := map[string]string{}
	for _, binary := range binaries {
		info, err := buildinfo.ReadFile(binary)
		if err != nil {
			return err
		}
		for _, d := range info.Deps {
			if d.Replace != nil {
				return fmt.Errorf("%s is replaced by %s: a release is made of what is published", d.Path, d.Replace.Path)
			}
			linked[d.Path] = d.Version
		}
		linked["std"] = strings.TrimPrefix(info.GoVersion, "go")
	}
	text, err := sbomOf(v, all, linked)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, fmt.Sprintf("%s-%s.cdx.json", program, v.name)), text, 0o644)
}

// sbomOf writes the SBOM. linked gives the version of each module that is linked in; all must have its licence.
func sbomOf(v version, all []module, linked map[string]string) ([]byte, error) {
	licences := map[string]string{}
	for _, m := range all {
		licences[m.path] = m.licence.id
	}
	self := "pkg:golang/github.com/mailprobe/" + program + "@v" + v.name
	doc := sbom{
		Format: "CycloneDX", SpecVersion: "1.5", Version: 1, Serial: "urn:uuid:" + uuidOf(v),
		Metadata: metadata{
			Timestamp: v.time.Format(time.RFC3339),
			Component: component{self, "application", program, v.name, self, []licensed{{"Apache-2.0"}}},
		},
	}
	var errs []error
	var refs []string
	for path, version := range linked {
		id := licences[path]
		if id == "" {
			errs = append(errs, fmt.Errorf("%s is linked in, but not in the module graph of any platform", path))
			continue
		}
		ref := "pkg:golang/" + path + "@" + version
		refs = append(refs, ref)
		doc.Components = append(doc.Components, component{ref, "library", path, version, ref, []licensed{{id}}})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	slices.Sort(refs)
	slices.SortFunc(doc.Components, func(a, b component) int { return cmp.Compare(a.Ref, b.Ref) })
	doc.Dependencies = []dependency{{self, refs}}
	text, err := json.MarshalIndent(doc, "", "  ")
	return append(text, '\n'), err
}

// uuidOf gives a version a UUID of its own, the same every time (RFC 9562 section 5.8: version 8, of a hash).
func uuidOf(v version) string {
	h := sha256.Sum256([]byte(program + " " + v.name + " " + v.commit))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
