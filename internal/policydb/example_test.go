package policydb_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/sekit/sekit/internal/policydb"
)

func Example() {
	data, err := os.ReadFile("testdata/kitchen-33.policy")
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := policydb.Decode(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("version %d, %d classes, %d rules\n", p.Version, len(p.Classes), len(p.AVTab))

	if err := p.SetBooleanDefaults(map[string]bool{"app_net": true}); err != nil {
		fmt.Println(err)
		return
	}
	changed, err := policydb.Encode(p)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("same size with another default:", len(changed) == len(data))

	_, err = policydb.Decode(data[:100])
	var format *policydb.FormatError
	fmt.Println("cut off:", errors.As(err, &format), format.Section)
	// Output:
	// version 33, 8 classes, 28 rules
	// same size with another default: true
	// cut off: true commons
}
