package managed

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/policy"
)

// others are the local files whose records are in the kernel's policy, too, and
// that no edit is for.
var others = []string{"users.local", "interfaces.local", "nodes.local", "pkeys.local", "ibendports.local"}

// needed are the files without which libsemanage compiles all modules anew
// (semanage_computed_files).
var needed = []string{kernelFile, "file_contexts", "seusers", linkedFile, "seusers.linked", "users_extra.linked"}

// build plans what follows from the edits: another policy for the kernel, if
// its records change (semanage_direct_commit).
func (t *transaction) build() error {
	_, ports := t.now[PortsFile]
	_, booleans := t.now[BooleansFile]
	contexts, fcontexts := t.now[FcontextsFile]
	kernel := ports || booleans
	if !kernel && !fcontexts {
		return nil
	}
	for _, name := range needed {
		if _, err := t.dir.Stat(path.Join(activeDir, name)); isNotExist(err) {
			return &UnsupportedError{name, "the store was not compiled by libsemanage 2.9 or newer", "run semodule -B"}
		} else if err != nil {
			return err
		}
	}
	linked, err := t.read(linkedFile)
	if err != nil {
		return err
	}
	decode := policydb.Decode
	if kernel {
		decode = policydb.DecodeReordered
	}
	p, err := decode(linked)
	if err != nil {
		return fmt.Errorf("%s: %w", linkedFile, err)
	}
	if fcontexts {
		if err := checkFcontexts(p, contexts); err != nil {
			return err
		}
	}
	if !kernel {
		return nil
	}
	merged, err := t.mergeOthers(p)
	if err == nil {
		err = t.mergePorts(p)
	}
	if err == nil {
		err = t.mergeBooleans(p)
	}
	if err != nil {
		return err
	}
	encode := policydb.EncodeEdited
	if merged {
		encode = policydb.Encode
	}
	t.now[kernelFile], err = encode(p)
	return err
}

// mergeOthers takes users, nodes, interfaces and what is Infiniband's from the
// store's policy, in which libsemanage has merged local ones, if there are any.
func (t *transaction) mergeOthers(p *policydb.Policy) (merged bool, err error) {
	name, err := t.withRecords(others)
	if name == "" || err != nil {
		return false, err
	}
	data, err := t.read(kernelFile)
	if err != nil {
		return false, err
	}
	q, err := policydb.Decode(data)
	if err != nil {
		return false, fmt.Errorf("%s: %w", kernelFile, err)
	}
	sameRole := func(a, b policydb.Role) bool { return a.Name == b.Name && a.Value == b.Value }
	if !slices.Equal(p.Types, q.Types) || !slices.EqualFunc(p.Roles, q.Roles, sameRole) || p.NumUsers > q.NumUsers {
		return false, &UnsupportedError{name, "its records are not in the store's policy, which is of other modules", "run semodule -B"}
	}
	p.Users, p.NumUsers = q.Users, q.NumUsers
	p.Netifcons, p.Nodecons, p.Nodecons6 = q.Netifcons, q.Nodecons, q.Nodecons6
	p.IBPkeycons, p.IBEndportcons = q.IBPkeycons, q.IBEndportcons
	return true, nil
}

// withRecords returns the first of the store's files that has a record.
func (t *transaction) withRecords(names []string) (string, error) {
	for _, name := range names {
		data, err := t.read(name)
		if err != nil {
			return "", err
		}
		if (&scanner{rest: data}).skipSpace() {
			return name, nil
		}
	}
	return "", nil
}

// mergePorts puts the local ports over the policy's, in the order of their file
// (sepol_port_modify).
func (t *transaction) mergePorts(p *policydb.Policy) error {
	data, err := t.read(PortsFile)
	if err != nil {
		return err
	}
	ports, err := ParsePorts(PortsFile, data)
	if err != nil || len(ports) == 0 {
		return err
	}
	parse, err := p.ContextParser()
	if err != nil {
		return err
	}
	contexts := make(map[string]policydb.Context)
	portcons := make([]policydb.Portcon, 0, len(ports))
	for _, r := range ports {
		text := r.Context.String()
		c, ok := contexts[text]
		if !ok {
			if c, err = parse(text); err != nil {
				return &RecordError{PortsFile, r.String(), err}
			}
			contexts[text] = c
		}
		portcons = append(portcons, policydb.Portcon{
			Protocol: uint32(r.Protocol), Low: uint32(r.Low), High: uint32(r.High), Context: c})
	}
	return p.AddPortcons(portcons...)
}

// mergeBooleans gives the booleans their local values. Records of booleans that
// the policy no longer has are dropped, as in libsemanage (clear_obsolete); to
// add one is an error.
func (t *transaction) mergeBooleans(p *policydb.Policy) error {
	data, err := t.read(BooleansFile)
	if err != nil {
		return err
	}
	booleans, err := ParseBooleans(BooleansFile, data)
	if err != nil || len(booleans) == 0 {
		return err
	}
	known := make(map[string]bool, len(p.Booleans))
	for _, b := range p.Booleans {
		known[b.Name] = true
	}
	obsolete := func(b Boolean) bool { return !known[b.Name] }
	if i := slices.IndexFunc(booleans, obsolete); i >= 0 {
		before, err := readIfThere(t.dir, path.Join(activeDir, BooleansFile))
		if err != nil {
			return err
		}
		old, err := ParseBooleans(BooleansFile, before)
		if err != nil {
			return err
		}
		for _, b := range booleans[i:] {
			if obsolete(b) && !slices.Contains(old, b) {
				return &RecordError{BooleansFile, b.String(), fmt.Errorf("the policy has no such boolean: %w", fs.ErrNotExist)}
			}
		}
		booleans = slices.DeleteFunc(booleans, obsolete)
		t.now[BooleansFile] = FormatBooleans(booleans)
	}
	defaults := make(map[string]bool, len(booleans))
	for _, b := range booleans {
		defaults[b.Name] = b.On
	}
	return p.SetBooleanDefaults(defaults)
}

// checkFcontexts refuses contexts that the policy has not
// (semanage_fcontext_validate_local).
func checkFcontexts(p *policydb.Policy, data []byte) error {
	records, err := ParseFcontexts(FcontextsFile, data)
	if err != nil {
		return err
	}
	parse, err := p.ContextParser()
	if err != nil {
		return err
	}
	checked := make(map[policy.Context]bool)
	for _, r := range records {
		if !r.Context.IsValid() || checked[r.Context] {
			continue
		}
		if _, err := parse(r.Context.String()); err != nil {
			return &RecordError{FcontextsFile, r.String(), err}
		}
		checked[r.Context] = true
	}
	return nil
}

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
