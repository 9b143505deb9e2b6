#!/bin/sh
# Make volumes usable again when their claim is gone: empty the folder, then forget the claim.
# Arguments: kubectl, kubeconfig, the folder that holds one folder for each volume.
kubectl="$1 --kubeconfig=$2"
while true; do
  $kubectl get persistentvolumes --watch -o 'jsonpath={.metadata.name} {.status.phase} {.spec.claimRef.uid}{"\n"}' |
    while read -r name phase claim; do
      # Without a claim it has been done, and the phase is about to follow.
      if [ "$phase" = Released ] && [ -n "$claim" ]; then
        find "$3/$name" -mindepth 1 -delete
        $kubectl patch persistentvolume "$name" --type=merge --patch '{"spec": {"claimRef": null}}'
      fi
    done
  sleep 1 # the API server is away
done
