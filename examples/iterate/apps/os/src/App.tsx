import { Page } from "@iterate/ui";
import { useState } from "react";

export function App() {
  const [tasks, setTasks] = useState<string[]>([]);

  function add(form: FormData) {
    const task = String(form.get("task")).trim();
    if (task) setTasks([...tasks, task]);
  }

  return (
    <Page title="Iterate OS">
      <form action={add}>
        <input name="task" aria-label="Task" placeholder="What is next?" />
        <button>Add</button>
      </form>
      <ol>
        {tasks.map((task, index) => (
          <li key={index}>{task}</li>
        ))}
      </ol>
    </Page>
  );
}
