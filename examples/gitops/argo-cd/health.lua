-- Health of Taskfleet's kinds for Argo CD, as kstatus, Flux and `kubectl wait` judge it.
-- Stalled: only a change of the spec helps. Reconciling: a change of the spec is still carried out. Ready: it works.
local status = obj.status or {}
if obj.metadata.deletionTimestamp then
  return {status = "Progressing", message = "The object is being deleted."}
end
if status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "The operator has not seen this change yet."}
end

local found = {}
for _, condition in ipairs(status.conditions or {}) do
  found[condition.type] = condition
end

local function judged(health, condition)
  return {status = health, message = condition.reason .. ": " .. condition.message}
end

local ready = found.Ready
if found.Stalled and found.Stalled.status == "True" then
  return judged("Degraded", found.Stalled)
end
if found.Reconciling and found.Reconciling.status == "True" then
  return judged("Progressing", found.Reconciling)
end
if ready and ready.status == "True" then
  return judged("Healthy", ready)
end
if ready then
  return judged("Progressing", ready)
end
return {status = "Progressing", message = "The operator has not seen this object yet."}
