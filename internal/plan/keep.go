package plan

import "strings"

// Kept is a folder with what of an install's Store is moved there in the box,
// where the store itself is not.
const Kept = StoreRoot + "/kept"

// keep is shell text that copies pnpm's configDependencies, and what these link
// to, from the store. From version 11 on pnpm links them from there, and wants
// nothing else in their place.
func keep(store string) string {
	return strings.NewReplacer("STORE", store, "KEPT", Kept).Replace(`mkdir -p KEPT
for link in node_modules/.pnpm-config/* node_modules/.pnpm-config/@*/*; do
  [ -L "$link" ] || continue
  top=$(readlink -f "$link"); top=${top%/node_modules/*}
  for part in "$link" "$top"/node_modules/* "$top"/node_modules/@*/*; do
    [ -L "$part" ] || continue
    folder=$(readlink -f "$part"); folder=${folder%/node_modules/*}
    case $folder in STORE/?*) ;; *) continue ;; esac
    mkdir -p "KEPT${folder#STORE}"
    cp -RP "$folder/." "KEPT${folder#STORE}/"
  done
done
`)
}
