// Index of an invocation in a one-dimensional problem dispatched by linearGrid(): rows of workgroups, `size`
// invocations each.
fn linear_index(group: vec3u, groups: vec3u, local: u32, size: u32) -> u32 {
  return (group.y * groups.x + group.x) * size + local;
}
