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
var others = []string{"users.local", "interfaces.local", "nodes.local"}

// needed are the files without which libsemanage compiles all modules anew
// (semanage_computed_files).
var needed = []string{kernelFile, "file_contexts", "seusers", linkedFile, "seusers.linked", "users_extra.linked"}

// build plans what follows from the edits: another policy for the kernel, if
// its records change (semanage_direct_commit).
func (t *transaction) build() error {
	contexts, fcontexts := t.now[FcontextsFile]
	kernel := slices.ContainsFunc(edited, func(name string) bool {
		_, changes := t.now[name]
		return changes && name != FcontextsFile
	})
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
		err = t.mergePkeys(p)
	}
	if err == nil {
		err = t.mergeEndports(p)
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

// mergeOthers takes users, nodes and interfaces from the store's policy, in which libsemanage has merged local ones, if there are any.
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
	return merge(t, p, PortsFile, ParsePorts, p.AddPortcons, func(r Port, parse contextParser) (policydb.Portcon, error) {
		c, err := parse(r.Context)
		return policydb.Portcon{Protocol: uint32(r.Protocol), Low: uint32(r.Low), High: uint32(r.High), Context: c}, err
	})
}

// mergePkeys and mergeEndports do the same for Infiniband (sepol_ibpkey_modify,
// sepol_ibendport_modify).
func (t *transaction) mergePkeys(p *policydb.Policy) error {
	return merge(t, p, PkeysFile, ParsePkeys, p.AddIBPkeycons, func(r Pkey, parse contextParser) (policydb.IBPkeycon, error) {
		c, err := parse(r.Context)
		subnet := r.Subnet.As16()
		return policydb.IBPkeycon{SubnetPrefix: [8]byte(subnet[:8]), Low: uint32(r.Low), High: uint32(r.High), Context: c}, err
	})
}

func (t *transaction) mergeEndports(p *policydb.Policy) error {
	return merge(t, p, EndportsFile, ParseEndports, p.AddIBEndportcons, func(r Endport, parse contextParser) (policydb.IBEndportcon, error) {
		c, err := parse(r.Context)
		return policydb.IBEndportcon{Device: r.Device, Port: uint32(r.Port), Context: c}, err
	})
}

type contextParser func(policy.Context) (policydb.Context, error)

// merge adds the statements that a file's records make.
func merge[R fmt.Stringer, S any](t *transaction, p *policydb.Policy, name string, read func(name string, data []byte) ([]R, error),
	add func(...S) error, statement func(R, contextParser) (S, error)) error {
	data, err := t.read(name)
	if err != nil {
		return err
	}
	records, err := read(name, data)
	if err != nil || len(records) == 0 {
		return err
	}
	parseText, err := p.ContextParser()
	if err != nil {
		return err
	}
	contexts := make(map[policy.Context]policydb.Context)
	parse := func(context policy.Context) (c policydb.Context, err error) {
		c, ok := contexts[context]
		if !ok {
			if c, err = parseText(context.String()); err == nil {
				contexts[context] = c
			}
		}
		return c, err
	}
	statements := make([]S, len(records))
	for i, r := range records {
		if statements[i], err = statement(r, parse); err != nil {
			return &RecordError{name, r.String(), err}
		}
	}
	return add(statements...)
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
